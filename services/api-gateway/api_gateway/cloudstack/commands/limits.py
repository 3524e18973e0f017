"""Resource limits of accounts and domains, and what they have."""

from collections.abc import Sequence
from typing import Any

from asyncpg import Record
from stowage_contracts.messages.image_store import AccountBytesCounted, CountAccountBytes
from stowage_runtime.handling.tx import Tx

from api_gateway.cloudstack.answers import Answer, One, Row, Rows
from api_gateway.cloudstack.asks import Ask, Paging
from api_gateway.cloudstack.command import Command
from api_gateway.cloudstack.errors import PARAMETER, UNSUPPORTED, Refused
from api_gateway.cloudstack.owners import acting, listed_accounts, owners_of, seen_domain
from api_gateway.limits import COUNTED, GIB, UNLIMITED, Kind, set_limit, tell_bytes
from api_gateway.orders import ask as ask_owner
from api_gateway.tenancy.accounts import managed_account
from api_gateway.tenancy.domains import find_domain, require_manager

NAMES = {
    Kind.VOLUME: "volume",
    Kind.SNAPSHOT: "snapshot",
    Kind.TEMPLATE: "template",
    Kind.SECONDARY_STORAGE: "secondary_storage",
}
LARGEST = 1 << 30
"""Of a count, or GiB."""


async def list_resource_limits(ask: Ask) -> Answer:
    """List the limits of accounts, or with domainid alone of a domain; -1 is none."""
    kinds, paging = _kinds(ask), Paging.of(ask)
    async with ask.desk.transaction() as tx:
        if ask.text("domainid") and not ask.text("account"):
            rows = await _of_domain(ask, kinds, tx)
        else:
            rows = await _of_accounts(ask, kinds, tx)
    end = None if paging.limit is None else paging.offset + paging.limit
    return Rows(rows[paging.offset : end], len(rows))


async def _of_domain(ask: Ask, kinds: Sequence[Kind], tx: Tx) -> list[Row]:
    domain = await seen_domain(ask.text("domainid"), ask.principal, tx)
    found = _by_type(await tx.rows("limits_of", [], [domain["id"]]))
    return [{**_domain(domain), **_limit(kind, found.get(kind))} for kind in kinds]


async def _of_accounts(ask: Ask, kinds: Sequence[Kind], tx: Tx) -> list[Row]:
    accounts = await listed_accounts(ask, tx)
    if accounts is None:
        accounts = [row["id"] for row in await tx.rows("accounts_page", None, *[""] * 5, 0, None)]
    owners = await owners_of(tx, accounts)
    limits = await tx.rows("limits_of", accounts, [])
    rows: list[Row] = []
    for key in accounts:
        found = _by_type([row for row in limits if row["account_id"] == key])
        rows += [{**owners[key].row, **_limit(kind, found.get(kind))} for kind in kinds]
    return rows


def _by_type(rows: Sequence[Record]) -> dict[int, int]:
    return {row["type"]: row["max"] for row in rows}


def _limit(kind: Kind, most: int | None) -> dict[str, Any]:
    return {**_kind(kind), "max": UNLIMITED if most is None else most}


def _kind(kind: Kind) -> dict[str, str]:
    return {"resourcetype": str(int(kind)), "resourcetypename": NAMES[kind]}


def _domain(domain: Any) -> dict[str, Any]:
    return {"domainid": domain["id"], "domain": domain["name"], "domainpath": domain["path"]}


def _kinds(ask: Ask) -> list[Kind]:
    """The types that are asked for: all there are, by number or by name."""
    number, name = ask.number("resourcetype"), ask.text("resourcetypename").lower()
    if number is not None:
        return [_known(number)]
    return [kind for kind in Kind if name in ("", NAMES[kind])]


def _known(number: int) -> Kind:
    try:
        return Kind(number)
    except ValueError:
        known = ", ".join(f"{int(kind)} ({name})" for kind, name in NAMES.items())
        raise Refused(
            PARAMETER, f"resource type {number} is not counted here", hint=f"there are {known}"
        ) from None


async def update_resource_limit(ask: Ask) -> Answer:
    """Bound what an account or a domain may have; -1 for no bound."""
    kind, most = _known(ask.number("resourcetype") or 0), ask.number("max")
    most = UNLIMITED if most is None else most
    if not UNLIMITED <= most <= LARGEST:
        raise Refused(PARAMETER, f"max is -1 to {LARGEST}")
    async with ask.desk.transaction() as tx:
        if ask.text("domainid") and not ask.text("account"):
            told = await _bound_domain(ask, kind, most, tx)
        else:
            told = await _bound_account(ask, kind, most, tx)
    return One({**told, **_limit(kind, most)})


async def _bound_domain(ask: Ask, kind: Kind, most: int, tx: Tx) -> Row:
    if kind is Kind.SECONDARY_STORAGE:
        raise Refused(UNSUPPORTED, "bytes are bounded by account, not by domain")
    await seen_domain(ask.text("domainid"), ask.principal, tx)
    domain = await find_domain(ask.text("domainid"), ask.principal, tx)
    require_manager(ask.principal, domain)
    if domain["id"] == ask.principal.domain_id:
        ask.principal.require_admin()
    await set_limit(tx, ("domain", domain["id"]), kind, most)
    return _domain(domain)


async def _bound_account(ask: Ask, kind: Kind, most: int, tx: Tx) -> Row:
    key = (await acting(ask, tx)).account_id
    await managed_account(key, ask.principal, tx)
    if key == ask.principal.account_id:
        ask.principal.require_admin()
    await set_limit(tx, ("account", key), kind, most)
    return (await owners_of(tx, [key]))[key].row


async def update_resource_count(ask: Ask) -> Answer:
    """Count what an account has; tells image-store once more what its bytes are bounded to."""
    kinds = _kinds(ask)
    async with ask.desk.transaction() as tx:
        if not ask.text("account"):
            rows = await _domain_counts(ask, kinds, tx)
            return Rows(rows, len(rows))
        key = (await acting(ask, tx)).account_id
        await managed_account(key, ask.principal, tx)
        owner = (await owners_of(tx, [key]))[key].row
        counts = await _counts([key], kinds, tx)
        most = _by_type(await tx.rows("limits_of", [key], [])).get(Kind.SECONDARY_STORAGE)
        if most is not None:
            await tell_bytes(tx, key, most)
    if Kind.SECONDARY_STORAGE in kinds:
        counts[Kind.SECONDARY_STORAGE] = await _gib(key, ask)
    rows = [{**owner, **_kind(kind), "resourcecount": counts[kind]} for kind in kinds]
    return Rows(rows, len(rows))


async def _domain_counts(ask: Ask, kinds: list[Kind], tx: Tx) -> list[Row]:
    """Of a domain and all below; bytes are asked of accounts."""
    domain = await find_domain(ask.text("domainid"), ask.principal, tx)
    require_manager(ask.principal, domain)
    under = [row["id"] for row in await tx.rows("accounts_of_domain", domain["id"], True)]
    counts = await _counts(under, kinds, tx)
    return [
        {**_domain(domain), **_kind(kind), "resourcecount": count} for kind, count in counts.items()
    ]


async def _counts(accounts: list[str], kinds: list[Kind], tx: Tx) -> dict[Kind, int]:
    nouns = {noun: kind for noun, kind in COUNTED.items() if kind in kinds}
    found = dict.fromkeys(nouns.values(), 0)
    for row in await tx.rows("resources_of_accounts", accounts, sorted(nouns)):
        found[nouns[row["noun"]]] += row["count"]
    return found


async def _gib(key: str, ask: Ask) -> int:
    question = CountAccountBytes(account_id=key)
    told = await ask_owner(ask.desk, question, AccountBytesCounted)
    return -(-(told.ready_bytes + told.reserved_bytes) // GIB)


_OTHERS = "types but volume (2), snapshot (3), template (4) and secondary storage (11); tags"
COMMANDS = (
    Command("listResourceLimits", list_resource_limits, missing=_OTHERS),
    Command(
        "updateResourceLimit",
        update_resource_limit,
        missing=f"{_OTHERS}; secondary storage of a domain",
    ),
    Command(
        "updateResourceCount",
        update_resource_count,
        missing=f"{_OTHERS}; secondary storage of a domain",
    ),
)
