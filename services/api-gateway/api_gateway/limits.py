"""How much an account may have: counted in the transaction that accepts one more.

Whatever accepts a template, a volume or a snapshot calls ``reserve_count`` first. Bytes are
image-store's to count: it is told the limit.
"""

from enum import IntEnum
from typing import Any

from asyncpg import Record
from stowage_contracts.errors import Conflict
from stowage_contracts.messages.image_store import SetAccountLimit
from stowage_contracts.topology import address
from stowage_contracts.values import ServiceName
from stowage_runtime.handling.tx import Tx

GIB = 1 << 30
UNLIMITED = -1


class Kind(IntEnum):
    """What is bounded, by CloudStack's numbers."""

    VOLUME = 2
    SNAPSHOT = 3
    TEMPLATE = 4
    SECONDARY_STORAGE = 11
    """In GiB."""


COUNTED = {"volume": Kind.VOLUME, "snapshot": Kind.SNAPSHOT, "template": Kind.TEMPLATE}
"""By noun; an ISO is a template."""


async def reserve_count(tx: Tx, account_id: str, noun: str) -> None:
    """Room for one more of a noun; raises Conflict (``conflict.account_limit``) without.

    Until ``tx`` ends nobody else is let in under the same limits, so that they are exact.
    """
    for limit in await tx.rows("limits_over", account_id, COUNTED[noun]):
        accounts = await _under(limit, tx)
        if await tx.value("count_resources", accounts, noun, limit["max"]) >= limit["max"]:
            raise _full(limit, noun)


async def set_limit(tx: Tx, owner: tuple[str, str], kind: Kind, most: int) -> None:
    """Bound what ``("account" | "domain", id)`` may have; UNLIMITED takes the bound away."""
    noun, key = owner
    if most == UNLIMITED:
        await tx.run(f"drop_{noun}_limit", key, kind)
    else:
        await tx.run(f"set_{noun}_limit", key, kind, most)
    if noun == "account" and kind is Kind.SECONDARY_STORAGE:
        await tell_bytes(tx, key, most)


async def tell_bytes(tx: Tx, account_id: str, most: int) -> None:
    """Have image-store bound an account's bytes; ``most`` is in GiB."""
    bound = None if most == UNLIMITED else most * GIB
    command = SetAccountLimit(account_id=account_id, max_bytes=bound)
    await tx.say(command, to=address(ServiceName.IMAGE_STORE))


async def _under(limit: Record, tx: Tx) -> list[str]:
    if limit["account_id"] is not None:
        return [limit["account_id"]]
    return [row["id"] for row in await tx.rows("accounts_of_domain", limit["domain_id"], True)]


def _full(limit: Record, noun: str) -> Conflict:
    whose: Any = limit["account_id"] or limit["domain_id"]
    owner = "account" if limit["account_id"] else "domain"
    return Conflict(
        f"Maximum amount of resources of type '{noun}' for {owner} {whose} has been exceeded: "
        f"it may have {limit['max']}",
        resource=f"{owner}/{whose}",
        code="account_limit",
        hint="delete some, or ask an admin for a higher limit",
    )
