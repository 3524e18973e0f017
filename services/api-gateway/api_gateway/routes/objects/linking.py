"""Making links to objects: how long they live and what their files are called."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field, StringConstraints
from stowage_contracts.errors import Conflict, InvalidInput
from stowage_contracts.values import new_id
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call, Reply
from stowage_runtime.service import Desk

from api_gateway.bodies import Given
from api_gateway.deps import Deps
from api_gateway.idempotency import accept
from api_gateway.links import LinkView, audit
from api_gateway.orders import ref_of
from api_gateway.resources import reference
from api_gateway.routes.objects.nouns import Noun

_UNFIT = r"\x00-\x1f\x7f\"\\/"
"""Not in a name that becomes a header and a file."""
_LONGEST_NAME = 200
FileName = Annotated[
    str, StringConstraints(pattern=rf"^[^{_UNFIT}]+$", min_length=1, max_length=_LONGEST_NAME)
]


class NewLink(Given):
    """How long a link lives and what its file is called."""

    seconds: int | None = Field(default=None, ge=1)
    """The gateway's default when missing."""
    file_name: FileName | None = None
    """Made of the object's name and format when missing."""


@dataclass(frozen=True)
class Linking:
    """The route that makes links to objects of one noun."""

    noun: Noun

    async def create(self, call: Call, desk: Desk, deps: Deps) -> Reply:
        """Make a download link; its URL is asked for with ``GET /v1/links/{id}``."""

        async def make(tx: Tx) -> LinkView:
            found = await reference(self.noun.name, call.path["id"], call.principal, tx)
            return await link_to(found, call, tx, deps)

        _life(call.body, deps)
        return await accept(call, desk, deps, make)


async def link_to(found: Mapping[str, Any], call: Call, tx: Tx, deps: Deps) -> LinkView:
    """A link to an object for the caller, as the body (NewLink) wants it; raises Conflict."""
    body = call.body or NewLink()
    _check_ready(found)
    link = LinkView(
        id=new_id(),
        account_id=call.principal.account_id,
        object=ref_of(dict(found)),
        file_name=body.file_name or _named(found),
        made=tx.now,
        expires=tx.now + timedelta(seconds=_life(body, deps)),
    )
    await _keep(link, tx)
    audit("link.made", link, call)
    return link


def _life(body: NewLink, deps: Deps) -> int:
    longest = deps.settings.longest_link_seconds
    if body.seconds is not None and body.seconds > longest:
        raise InvalidInput(
            f"a link lives at most {longest} s", code="seconds", hint="ask again when it has ended"
        )
    return min(body.seconds or deps.settings.link_seconds, longest)


def _check_ready(found: Mapping[str, Any]) -> None:
    if not found["ready"]:
        noun = ref_of(dict(found)).noun
        raise Conflict(
            f"the {noun} is not ready",
            resource=f"{noun}/{found['id']}",
            code="not_ready",
            hint="wait for it: GET with wait",
        )


def _named(found: Mapping[str, Any]) -> str:
    plain = re.sub(f"[{_UNFIT}]", "_", found["name"])
    return f"{plain[: _LONGEST_NAME - 16]}.{found['format']}"


async def _keep(link: LinkView, tx: Tx) -> None:
    what = link.object
    row = (link.id, link.account_id, what.kind.value, what.id, link.file_name, link.expires)
    await tx.run("add_link", *row)
