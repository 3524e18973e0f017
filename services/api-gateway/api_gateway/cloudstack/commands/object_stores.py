"""updateCloudToUseObjectStore: an object store for the region, and NFS stores as its caches."""

from typing import Any

from asyncpg import Record
from stowage_contracts.messages.image_store import DemoteStore
from stowage_contracts.values import Scope, StoreRole, StoreState, new_id

from api_gateway.cloudstack.adding import Wanted, add, in_zone, provider_named
from api_gateway.cloudstack.answers import Answer, One
from api_gateway.cloudstack.asks import Ask
from api_gateway.cloudstack.command import Command
from api_gateway.cloudstack.commands.image_stores import check_refused
from api_gateway.cloudstack.errors import PARAMETER, Refused
from api_gateway.cloudstack.store_rows import one, stores_of
from api_gateway.cloudstack.waiting import heard
from api_gateway.orders import IMAGE_STORE

_FILES = "nfs"


async def use_object_store(ask: Ask) -> Answer:
    """Add an object store; each NFS image store becomes a cache once the object store has all it
    holds, without a byte of its own being touched."""
    async with ask.desk.transaction() as tx:
        provider = await provider_named(ask.text("provider"), tx)
        stores = await stores_of(StoreRole.IMAGE, tx)
    if provider["id"] == _FILES:
        raise Refused(PARAMETER, f"{provider['name']} is no object store")
    for state in stores:
        _check_demotable(state)
    wanted = Wanted(
        provider=provider["name"],
        details=ask.pairs("details"),
        scope=in_zone(""),
        url=ask.text("url"),
        name=ask.text("name"),
    )
    added = await add(wanted, ask)
    for state in stores:
        await _demote(state, ask)
    async with ask.desk.transaction() as tx:
        return One(await one(added, tx))


def _check_demotable(state: dict[str, Any]) -> None:
    name = state["name"]
    if state["provider"].lower() != _FILES:
        raise Refused(PARAMETER, f"{name} is an image store of {state['provider']}, not of NFS")
    if state["evacuation"]:
        raise Refused(PARAMETER, f"{name} is being emptied")
    if state["state"] in (StoreState.DISABLED, StoreState.DEGRADED):
        raise Refused(PARAMETER, f"{name} is {state['state']}: nothing is copied from it")


async def _demote(state: dict[str, Any], ask: Ask) -> None:
    order = DemoteStore(
        store_id=state["id"],
        cache_store_id=new_id(),
        name=state["name"],
        scope=Scope.model_validate(state["scope"]),
        copy_first=True,
        asked=new_id(),
    )
    async with ask.desk.transaction() as tx:
        await tx.say(order, to=IMAGE_STORE)

    def begun(row: Record) -> bool:
        check_refused(row, order.asked)
        return bool(row["removed"] or row["state"]["evacuation"])

    await heard(ask, "store", state["id"], begun)


COMMANDS = (Command("updateCloudToUseObjectStore", use_object_store),)
