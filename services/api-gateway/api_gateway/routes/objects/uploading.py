"""Uploads: their owner asks where the bytes go, sends them, and says that all were sent.

Nothing of an answer that holds URLs is kept.
"""

from dataclasses import dataclass
from typing import Any

from stowage_contracts.errors import Conflict
from stowage_contracts.grants import Grant, PartDone, PartUrl
from stowage_contracts.message import Message
from stowage_contracts.messages.image_store import FinishUpload, OpenUpload, UploadOpened
from stowage_contracts.values import Bytes, Instant, Secret, Value
from stowage_runtime.http import Call, Reply
from stowage_runtime.service import Desk

from api_gateway.deps import Deps
from api_gateway.idempotency import refuse_key
from api_gateway.orders import NO_STORE, ask, order, ref_of
from api_gateway.resources import reference
from api_gateway.routes.objects.nouns import Noun


class Upload(Value):
    """Where parts are PUT and which have arrived; or one URL that takes ranges."""

    part_size: Bytes = 0
    part_growth: int = 0
    """Every so many parts the size doubles; 0: all are alike."""
    parts: tuple[PartUrl, ...] = ()
    done: tuple[PartDone, ...] = ()
    url: Secret | None = None
    expires: Instant


@dataclass(frozen=True)
class Uploading:
    """Routes of one noun's uploads."""

    noun: Noun

    async def open(self, call: Call, desk: Desk, deps: Deps) -> Reply:
        """Where to send what is missing; asked again it goes on."""
        refuse_key(call, "an upload's URL")
        async with desk.transaction() as tx:
            found = await reference(self.noun.name, call.path["id"], call.principal, tx)
        _check_open(self.noun, found)
        question = OpenUpload(
            object=ref_of(found),
            account_id=found["account_id"],
            first_part=call.body.first_part,
            part_count=call.body.part_count,
        )
        answer = await ask(desk, question, UploadOpened)
        return Reply(_shown(answer), headers=NO_STORE)

    async def finish(self, call: Call, desk: Desk, deps: Deps) -> Reply:
        """Everything was sent: it is committed, verified and judged."""

        def command(found: dict[str, Any]) -> Message:
            _check_open(self.noun, found)
            return FinishUpload(object=ref_of(found), size=call.body.size)

        return await order(call, desk, deps, self.noun.name, command)


def _check_open(noun: Noun, found: dict[str, Any]) -> None:
    resource = f"{noun.name}/{found['id']}"
    if not found.get("upload"):
        raise Conflict(
            f"the {noun.name} is not uploaded but fetched",
            resource=resource,
            code="no_upload",
            hint="register with upload: true to send the bytes yourself",
        )
    if found["ready"]:
        raise Conflict(
            f"the {noun.name} has all its bytes", resource=resource, code="uploaded", hint="use it"
        )


def _shown(answer: UploadOpened) -> Upload:
    grant = answer.grant or Grant(expires=answer.expires)
    return Upload(
        part_size=grant.part_size,
        part_growth=grant.part_growth,
        parts=grant.parts,
        done=grant.done,
        url=answer.url,
        expires=answer.expires,
    )
