"""Idempotency keys: a request sent twice is done once."""

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import BaseModel, SecretStr
from stowage_contracts.errors import Conflict, InvalidInput
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call, Reply
from stowage_runtime.service import Desk

from api_gateway.bodies import check_header
from api_gateway.deps import Deps

HEADER = "Idempotency-Key"
REPLAYED = {"Idempotency-Replayed": "true"}


async def accept(
    call: Call, desk: Desk, deps: Deps, make: Callable[[Tx], Awaitable[BaseModel | Reply]]
) -> Reply:
    """Do ``make`` once for each Idempotency-Key of an account; again it answers the same.

    ``make`` answers a model, or a Reply of one where the status is not its route's own.
    """
    key = check_header(HEADER, call.headers.get(HEADER, ""), 255)
    async with desk.transaction() as tx:
        if not key:
            return _reply(await make(tx))
        owner = call.principal.account_id
        await tx.value("one_at_a_time", f"{owner}/{key}")
        fingerprint = _fingerprint(call, deps)
        known = await tx.row("replay", owner, key)
        if known is not None:
            before = _replay(known["request_hash"], fingerprint, known["reply"])
            return Reply(before, status=known["status"], headers=REPLAYED)
        made = _reply(await make(tx))
        await tx.run("remember", owner, key, fingerprint, _kept(made), made.status)
    return made


def _reply(made: BaseModel | Reply) -> Reply:
    return made if isinstance(made, Reply) else Reply(made)


def _kept(made: Reply) -> Any:
    return made.body.model_dump(mode="json") if isinstance(made.body, BaseModel) else None


def refuse_key(call: Call, shown: str) -> None:
    """Raises InvalidInput for a request whose answer holds what is shown once and not kept."""
    if call.headers.get(HEADER):
        raise InvalidInput(
            f"{shown} is shown once and not kept to be shown again",
            code="idempotency_key",
            hint="leave the Idempotency-Key out",
        )


def _replay(before: str, fingerprint: str, reply: Any) -> bytes:
    if before != fingerprint:
        raise Conflict(
            "the Idempotency-Key was used for another request",
            code="idempotency_key",
            hint="take a new key for a new request",
        )
    return json.dumps(reply).encode()


def _fingerprint(call: Call, deps: Deps) -> str:
    """Secrets count too, so it is keyed: without the key nobody can guess them from it."""
    body = call.body.model_dump() if call.body is not None else None
    text = json.dumps([call.method, call.target, body], sort_keys=True, default=_revealed)
    key = deps.settings.at_rest_key.get_secret_value().encode()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _revealed(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
