"""Adding a store, whatever command wants one: its owner's probe is waited for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from asyncpg import Record
from pydantic import ValidationError
from stowage_contracts.errors import Problem, Unavailable
from stowage_contracts.messages.image_store import RemoveStore
from stowage_contracts.topology import address
from stowage_contracts.values import ScopeType, StoreRole, StoreState, new_id
from stowage_runtime.handling.tx import Tx

from api_gateway.cloudstack.asks import Ask
from api_gateway.cloudstack.errors import INTERNAL, PARAMETER, Refused
from api_gateway.cloudstack.store_rows import stores_of
from api_gateway.cloudstack.store_settings import settings_of
from api_gateway.cloudstack.waiting import heard
from api_gateway.forms import form_of
from api_gateway.new_stores import Scoped, StoreFields, owner_of, place, seal

_LONGEST_NAME = 255
_ALIASES = {"smb": "nfs"}


@dataclass(frozen=True)
class Wanted:
    """A store as a command describes it."""

    provider: str
    """In any case."""
    details: Mapping[str, str]
    scope: Scoped
    url: str = ""
    name: str = ""
    """The url when empty, or the id."""
    role: StoreRole = StoreRole.IMAGE


async def add(wanted: Wanted, ask: Ask) -> dict[str, Any]:
    """State of the store once it passed its probe; of one that did not nothing is kept.

    Raises Refused: 431 for what is wrong with the request, 530 for what is with the store.
    """
    store_id = new_id()
    async with ask.desk.transaction() as tx:
        await _propose(wanted, store_id, ask, tx)
    try:
        row = await heard(ask, "store", store_id, _spoken)
    except Unavailable as error:
        await _withdraw(wanted.role, store_id, ask)
        raise Refused(INTERNAL, f"the store was not proven in time: {error.cause}") from None
    state: dict[str, Any] = row["state"]
    if state["state"] == StoreState.REMOVED:
        raise await _refusal(state, ask)
    return state


async def provider_named(name: str, tx: Tx) -> dict[str, Any]:
    """A provider by its name in any case; raises Refused, where CloudStack takes NFS instead."""
    row = await tx.row("provider", _ALIASES.get(name.lower(), name))
    if row is None:
        known = ", ".join(sorted(r["state"]["name"] for r in await tx.rows("places", "provider")))
        raise Refused(
            PARAMETER, f"there is no provider {name[:64]!r}", hint=f"one of {known or 'none yet'}"
        )
    found: dict[str, Any] = row["state"]
    return found


async def _propose(wanted: Wanted, store_id: str, ask: Ask, tx: Tx) -> None:
    provider = await provider_named(wanted.provider, tx)
    if wanted.role not in provider["roles"]:
        raise Refused(PARAMETER, f"{provider['name']} stores cannot be {wanted.role} stores")
    if wanted.scope.scope not in provider["scopes"]:
        raise Refused(PARAMETER, f"{provider['name']} stores have no {wanted.scope.scope} scope")
    settings = settings_of(provider, wanted.url, wanted.details)
    filled = (await form_of(provider["name"], tx)).fill(settings, {})
    body = _fields(
        name=wanted.name or _shown_name(wanted.url) or store_id,
        provider=provider["name"],
        role=wanted.role,
        scope=wanted.scope.scope,
        scope_id=wanted.scope.scope_id,
        settings=filled.settings,
    )
    if any(state["name"] == body.name for state in await stores_of(wanted.role, tx)):
        raise Refused(PARAMETER, f"there is a store named {body.name} already")
    sealed = seal(filled, store_id, wanted.role, ask.deps)
    await place(body, store_id, sealed, ask.principal, tx)


def _shown_name(url: str) -> str:
    """A url as a name: of one with a login in it there is none."""
    return "" if "@" in url else url[:_LONGEST_NAME]


def _fields(**given: Any) -> StoreFields:
    try:
        return StoreFields(**given)
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise Refused(PARAMETER, told) from None


def _spoken(row: Record) -> bool:
    return bool(row["state"]["state"] != StoreState.ADDING)


async def _withdraw(role: StoreRole, store_id: str, ask: Ask) -> None:
    """In order after what asked for it, so that its owner keeps nothing whenever it hears."""
    async with ask.desk.transaction() as tx:
        await tx.say(RemoveStore(store_id=store_id), to=address(owner_of(role)))
        await tx.run("hide", "store", store_id)


async def _refusal(state: Mapping[str, Any], ask: Ask) -> Refused:
    async with ask.desk.transaction() as tx:
        await tx.run("hide", "store", state["id"])
    if not state["error"]:
        return Refused(INTERNAL, "the store was removed while it was added")
    error = Problem.model_validate(state["error"]).error()
    wrong = error.code.startswith(("invalid", "conflict"))
    return Refused(PARAMETER if wrong else INTERNAL, error.cause, hint=error.hint)


def in_zone(zone_id: str) -> Scoped:
    """One zone, or the region without one."""
    return Scoped(ScopeType.ZONE, zone_id) if zone_id else Scoped(ScopeType.REGION, None)
