"""Which templates or ISOs a list command asks for, and the query that walks the least for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from asyncpg import Record
from stowage_contracts.values import ObjectKind
from stowage_runtime.handling.tx import Tx

from api_gateway.cloudstack.asks import Ask, Paging
from api_gateway.cloudstack.counting import EXACT
from api_gateway.cloudstack.errors import PARAMETER, Refused
from api_gateway.cloudstack.images.kinds import Kind, seen
from api_gateway.cloudstack.images.words import hypervisor_of
from api_gateway.cloudstack.owners import listed_accounts

Match = Mapping[str, Any]
_PUBLIC = {"featured": "featured", "community": "community", "executable": "public"}
_OWN = frozenset({"self", "selfexecutable", "executable", "all"})
_SHARED = frozenset({"shared", "sharedexecutable"})
FILTERS = (*_PUBLIC, "self", "selfexecutable", *sorted(_SHARED), "all")
_ATTRIBUTES = ("templatetype", "arch", "forcks", "bootable")
"""Filters on what was said of an object beside its bytes."""
_NEVER = ("parenttemplateid", "extensionid", "oscategoryid")
"""Things no object here has."""
_ALL = "images_all"


@dataclass(frozen=True)
class Whose:
    """Whose objects: of accounts, public ones, shared ones."""

    own: list[str] | None
    """None: everybody's."""
    public: str = ""
    shared: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Listing:
    """One list command."""

    kind: Kind
    ask: Ask
    whose: Whose
    common: tuple[Any, ...]
    ids: list[str] | None

    async def rows(self, paging: Paging, tx: Tx) -> list[Record]:
        """One page; each row has a zone, and whether the object can be read there."""
        query, args = self._question()
        if query != _ALL:
            await tx.value("plan_each_time")
        return await tx.rows(query, *args, paging.offset, paging.limit)

    async def count(self, tx: Tx) -> int:
        """Of all pages."""
        query, args = self._question()
        if self.ids is not None:
            return int(await tx.value(f"count_{query}", *args, EXACT))
        return await self.ask.deps.counts.count(*self._counting(query, args), tx)

    def _counting(self, query: str, args: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
        """The query that counts; a list that nothing narrows is counted off an index."""
        whose, (_, matches, *narrow) = self.whose, self.common
        plain = matches == [{"removed": False}] and narrow[:3] == ["", "", None]
        if plain and query == _ALL:
            return "count_images_whole", args
        if plain and query == "images_seen" and not whose.shared:
            return "count_images_open", args
        return f"count_{query}", args

    def _question(self) -> tuple[str, tuple[Any, ...]]:
        ask, whose = self.ask, self.whose
        attributes = {n: ask.values[n] for n in _ATTRIBUTES if n in ask.values}
        public, name = ask.flag("ispublic"), ask.text("name")
        seen_by = (whose.own, whose.public, whose.shared)
        narrow = (self.ids, name, attributes, public)
        if any(part not in (None, "", {}) for part in narrow) or ask.flag("showremoved"):
            return "images_filtered", (*self.common, *seen_by, *narrow)
        if whose.own is None:
            return _ALL, self.common
        return "images_seen", (*self.common, *seen_by)


async def asked(kind: Kind, ask: Ask, tx: Tx) -> Listing | None:
    """What the command asks for; None where nothing can be found. Raises Refused."""
    if any(ask.text(name) for name in _NEVER) or ask.pairs("tags") or ask.flag("isvnf"):
        return None
    zone_id = ask.text("zoneid")
    if zone_id:
        await ask.entity("zoneid", "zone", tx)
    matches = _matches(_base(kind, ask), zone_id, ask.flag("isready"))
    pattern = _pattern(ask.text("keyword"))
    common = (kind.key, matches, pattern, zone_id, ask.flag("isready"), _unique(ask))
    ids = [*ask.items("ids"), *filter(None, [ask.text("id")])]
    if ask.text("id") and not ask.flag("showremoved"):
        await seen(kind, ask, tx)
    whose = await (_whoever(ask) if ids else _whose(ask, tx))
    return Listing(kind, ask, whose, common, ids or None)


async def _whoever(ask: Ask) -> Whose:
    """What is asked for by its id may be anybody's who lets the caller in."""
    return Whose(ask.principal.sees, "public", [ask.principal.account_id])


async def _whose(ask: Ask, tx: Tx) -> Whose:
    told = ask.text("templatefilter") or ask.text("isofilter") or "selfexecutable"
    wanted = told.lower()
    if wanted not in FILTERS:
        raise Refused(PARAMETER, f"{told[:32]!r} is no filter: it is one of {', '.join(FILTERS)}")
    accounts = await listed_accounts(ask, tx)
    if wanted == "all":
        if not ask.caller.manages:
            raise Refused(PARAMETER, "only admins may list with filter all")
        named = ask.text("account") or ask.text("domainid")
        return Whose(accounts if named else ask.principal.sees)
    mine = [ask.principal.account_id] if accounts is None else accounts
    own = accounts if wanted in _OWN else []
    shared = mine if wanted in _SHARED else []
    return Whose(own, _PUBLIC.get(wanted, ""), shared)


def _base(kind: Kind, ask: Ask) -> dict[str, Any]:
    base: dict[str, Any] = {} if ask.flag("showremoved") else {"removed": False}
    stores = [ask.text(name) for name in ("imagestoreid", "storageid") if ask.text(name)]
    if stores:
        base["replicas"] = [{"store_id": store} for store in stores]
    if ask.text("hypervisor") and kind.kind is ObjectKind.TEMPLATE:
        base["hypervisor"] = hypervisor_of(ask.text("hypervisor")).value
    return base


def _matches(base: Match, zone_id: str, ready: bool | None) -> list[Match]:
    """States with a row to show: wished for in the zone by name, or everywhere."""
    told = {} if ready is None else {"ready": ready}
    if not zone_id and ready is None:
        return [base]
    there = {**base, "zones": [{**({"zone_id": zone_id} if zone_id else {}), **told}]}
    if ready:
        return [there]
    if not zone_id:
        return [there, {**base, **told}]
    wide, narrow = {"type": "region"}, {"type": "zone", "id": zone_id}
    return [there, {**base, **told, "scope": wide}, {**base, **told, "scope": narrow}]


def _unique(ask: Ask) -> bool:
    return bool(ask.flag("showunique"))


def _pattern(keyword: str) -> str:
    escaped = keyword.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%" if keyword else ""
