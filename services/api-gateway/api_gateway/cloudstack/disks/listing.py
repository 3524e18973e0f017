"""Which volumes or snapshots a list command asks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from asyncpg import Record
from stowage_runtime.handling.tx import Tx

from api_gateway.cloudstack.asks import Ask, Paging
from api_gateway.cloudstack.owners import listed_accounts


@dataclass(frozen=True)
class Listing:
    """One list command."""

    ask: Ask
    args: tuple[Any, ...]

    async def rows(self, paging: Paging, tx: Tx) -> list[Record]:
        """One page, newest first."""
        return await tx.rows("disks", *self.args, paging.offset, paging.limit)

    async def count(self, tx: Tx) -> int:
        """Of all pages."""
        return await self.ask.deps.counts.count("count_disks", self.args, tx)


async def asked(noun: str, match: Mapping[str, Any], ask: Ask, tx: Tx) -> Listing:
    """What the command asks for, whose states contain ``match``; raises Refused."""
    if ask.text("zoneid"):
        await ask.entity("zoneid", "zone", tx)
    ids = [*ask.items("ids"), *filter(None, [ask.text("id")])]
    accounts = await listed_accounts(ask, tx)
    keyword = ask.text("keyword").replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    pattern = f"%{keyword}%" if keyword else ""
    destroyed = ask.text("state").lower() == "destroy"
    zone_id = ask.text("zoneid")
    common = (noun, ids or None, accounts, [dict(match)], ask.text("name"), pattern)
    return Listing(ask, (*common, zone_id, destroyed))
