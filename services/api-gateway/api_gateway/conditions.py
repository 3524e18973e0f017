"""Conditional changes: nothing is changed that its caller did not see as it is."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace

from asyncpg import Record
from pydantic import BaseModel
from stowage_contracts.errors import Conflict
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call, Reply

from api_gateway.bodies import is_id
from api_gateway.resources import version

CHANGES = {"PUT", "PATCH", "DELETE"}
Make = Callable[[Tx], Awaitable[BaseModel | Reply]]
_TAG = re.compile(r'"([^"-]*)[^"]*"')
"""An entity tag up to what tells apart the figures of one version: those are no change."""


class PreconditionFailed(Conflict):
    """The resource is not what the request says it is."""

    status = 412


def matched(call: Call, noun: str, make: Make) -> Make:
    """``make`` for the resource ``id`` if the request's If-Match and If-None-Match hold.

    Each change that was ordered makes a new version: of two that name the same one, the second
    is refused, whether or not its owner has spoken of the first.
    """

    async def checked(tx: Tx) -> Reply:
        row = await _counted(call, noun, tx)
        made = await make(tx)
        reply = made if isinstance(made, Reply) else Reply(made)
        _check(call, noun, row)
        if row is None:
            return reply
        tag = f'"{version(row["sequence"], row["orders"])}"'
        return replace(reply, headers={**reply.headers, "ETag": tag})

    return checked


async def _counted(call: Call, noun: str, tx: Tx) -> Record | None:
    """The resource's version after this request, its row locked; None without such a resource."""
    key, counts = call.path["id"], int(call.method in CHANGES)
    if not is_id(key) or not (counts or "If-Match" in call.headers):
        return None
    if call.method == "PUT":
        await tx.value("one_at_a_time", f"{noun}/{key}")
    return await tx.row("count_order", noun, key, counts)


def _check(call: Call, noun: str, row: Record | None) -> None:
    wanted, resource = call.headers.get("If-Match"), f"{noun}/{call.path['id'][:64]}"
    if call.headers.get("If-None-Match") == "*" and row is not None:
        raise PreconditionFailed(f"there is such a {noun}", resource=resource, code="there")
    if wanted is None or (row is not None and _named(wanted, row, call)):
        return
    raise PreconditionFailed(
        f"the {noun} was changed since" if row else f"there is no such {noun}",
        resource=resource,
        code="changed",
        hint="read it again and decide anew",
    )


def _named(wanted: str, row: Record, call: Call) -> bool:
    orders = row["orders"] - int(call.method in CHANGES)
    before = version(row["sequence"], orders)
    return wanted.strip() == "*" or before in _TAG.findall(wanted)
