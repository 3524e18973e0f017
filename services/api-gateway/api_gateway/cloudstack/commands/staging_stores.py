"""Secondary staging stores: our cache stores, of a zone, pod, cluster or host."""

from collections.abc import AsyncIterator
from typing import Any

from asyncpg import Record
from stowage_contracts.caching import EntryView
from stowage_contracts.messages.cache_autoscaler import EntriesListed, ListEntries
from stowage_contracts.messages.image_store import RemoveStore
from stowage_contracts.topology import address
from stowage_contracts.values import ScopeType, ServiceName, StoreRole

from api_gateway.cloudstack.adding import Wanted
from api_gateway.cloudstack.answers import Answer, Success
from api_gateway.cloudstack.asks import Ask
from api_gateway.cloudstack.command import Command
from api_gateway.cloudstack.commands.image_stores import added, image_store, listed
from api_gateway.cloudstack.errors import PARAMETER, Refused
from api_gateway.cloudstack.waiting import heard
from api_gateway.new_stores import Scoped
from api_gateway.orders import ask as ask_owner

_SCOPES = (ScopeType.ZONE, ScopeType.POD, ScopeType.CLUSTER, ScopeType.HOST)


async def create(ask: Ask) -> Answer:
    """Add a staging store, once it passed its probe."""
    wanted = Wanted(
        provider=ask.text("provider", "NFS"),
        details=ask.pairs("details"),
        scope=_scope(ask),
        url=ask.text("url"),
        role=StoreRole.IMAGE_CACHE,
    )
    return await added(wanted, ask)


def _scope(ask: Ask) -> Scoped:
    word = ask.text("scope", "zone").lower()
    scope = next((scope for scope in _SCOPES if scope == word), None)
    if scope is None:
        raise Refused(PARAMETER, f"scope is {', '.join(_SCOPES)}, and not {word[:64]}")
    key = ask.text(f"{scope}id")
    if not key:
        raise Refused(PARAMETER, f"a staging store of a {scope} needs {scope}id")
    return Scoped(scope, key)


async def list_stores(ask: Ask) -> Answer:
    """List staging stores."""
    return await listed(StoreRole.IMAGE_CACHE, ask, provider=ask.text("provider"))


async def delete(ask: Ask) -> Answer:
    """Remove a staging store whose copies nobody uses just now."""
    async with ask.desk.transaction() as tx:
        state = await image_store(ask, "id", tx, StoreRole.IMAGE_CACHE)
    await _check_unused(state, ask)
    async with ask.desk.transaction() as tx:
        order = RemoveStore(store_id=state["id"])
        await tx.say(order, to=address(ServiceName.CACHE_AUTOSCALER))
    await heard(ask, "store", state["id"], _gone)
    return Success()


async def _check_unused(state: dict[str, Any], ask: Ask) -> None:
    used = [entry async for entry in _entries(state["id"], ask) if entry.pinned_by]
    if used:
        named = ", ".join(str(entry.object) for entry in used[:20])
        raise Refused(PARAMETER, f"copies use {len(used)} objects on it: {named}")


async def _entries(store_id: str, ask: Ask) -> AsyncIterator[EntryView]:
    """All of a store, page by page."""
    question: ListEntries | None = ListEntries(store_id=store_id, limit=1000)
    while question is not None:
        page = await ask_owner(ask.desk, question, EntriesListed)
        for entry in page.entries:
            yield entry
        question = question.model_copy(update={"after": page.next}) if page.next else None


def _gone(row: Record) -> bool:
    return bool(row["removed"])


COMMANDS = (
    Command("createSecondaryStagingStore", create),
    Command("listSecondaryStagingStores", list_stores),
    Command("deleteSecondaryStagingStore", delete),
)
