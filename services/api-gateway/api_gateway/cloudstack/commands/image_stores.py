"""Image stores: added, listed, changed, removed; and the providers they are made with."""

from collections.abc import Callable, Mapping
from typing import Any

from asyncpg import Record
from stowage_contracts.errors import Problem
from stowage_contracts.messages.image_store import ChangeStore, RemoveStore
from stowage_contracts.values import StoreRole, StoreState, new_id
from stowage_runtime.handling.tx import Tx

from api_gateway.cloudstack.adding import Wanted, add, in_zone
from api_gateway.cloudstack.answers import Answer, One, Row, Rows, Success
from api_gateway.cloudstack.asks import Ask, Paging
from api_gateway.cloudstack.command import Command
from api_gateway.cloudstack.errors import PARAMETER, Refused
from api_gateway.cloudstack.store_rows import (
    is_read_only,
    one,
    protocol_of,
    serves,
    shown,
    stores_of,
)
from api_gateway.cloudstack.waiting import heard
from api_gateway.orders import IMAGE_STORE

_ROLES: Mapping[str, tuple[str, StoreRole | None]] = {
    "primary": ("PRIMARY", StoreRole.PRIMARY),
    "image": ("IMAGE", StoreRole.IMAGE),
    "imagecache": ("ImageCache", StoreRole.IMAGE_CACHE),
    "object": ("OBJECT", None),
}
"""CloudStack's DataStoreProviderType, and the role it is of."""


async def add_image_store(ask: Ask) -> Answer:
    """Add an image store, once it passed its probe."""
    wanted = Wanted(
        provider=ask.text("provider"),
        details=ask.pairs("details"),
        scope=in_zone(ask.text("zoneid")),
        url=ask.text("url"),
        name=ask.text("name"),
    )
    return await added(wanted, ask)


async def add_s3(ask: Ask) -> Answer:
    """Add an S3 image store for the region."""
    details = {name: str(value) for name, value in ask.values.items()}
    return await added(Wanted("S3", details, in_zone("")), ask)


async def added(wanted: Wanted, ask: Ask) -> Answer:
    """Add it and show it."""
    state = await add(wanted, ask)
    async with ask.desk.transaction() as tx:
        return One(await one(state, tx))


async def list_image_stores(ask: Ask) -> Answer:
    """List image stores; those of the region belong to every zone."""
    return await listed(StoreRole.IMAGE, ask, provider=ask.text("provider"))


async def listed(role: StoreRole, ask: Ask, provider: str = "") -> Answer:
    """Stores of a role as a list command's parameters want them."""
    wanted = _wanted(ask, provider.lower())
    async with ask.desk.transaction() as tx:
        found = [state for state in await stores_of(role, tx) if wanted(state)]
        return Rows(await shown(paged(found, ask), tx), len(found))


def _wanted(ask: Ask, provider: str) -> Callable[[Mapping[str, Any]], bool]:
    key, name, zone = ask.text("id"), ask.text("name"), ask.text("zoneid")
    protocol, keyword = ask.text("protocol").lower(), ask.text("keyword").lower()
    read_only = ask.flag("readonly")

    def holds(state: Mapping[str, Any]) -> bool:
        return (
            key in ("", state["id"])
            and name in ("", state["name"])
            and provider in ("", state["provider"].lower())
            and (not zone or serves(state, zone))
            and protocol in ("", protocol_of(state))
            and read_only in (None, is_read_only(state))
            and (keyword in state["name"].lower() or keyword in state["provider"].lower())
        )

    return holds


def paged(found: list[Any], ask: Ask) -> list[Any]:
    """The page of few rows that a list command asks for."""
    paging = Paging.of(ask)
    end = None if paging.limit is None else paging.offset + paging.limit
    return found[paging.offset : end]


async def update(ask: Ask) -> Answer:
    """Change an image store's name, capacity and whether it may be written to."""
    read_only, room = ask.flag("readonly"), ask.number("capacitybytes")
    if room is not None and room < 0:
        raise Refused(PARAMETER, "capacitybytes is negative")
    async with ask.desk.transaction() as tx:
        state = await image_store(ask, "id", tx)
    wished = _wished(state, read_only)
    order = ChangeStore(
        store_id=state["id"],
        state=wished,
        name=ask.text("name") or None,
        capacity_bytes=room,
        asked=new_id(),
    )
    return await changed(order, ask)


def _wished(state: Mapping[str, Any], read_only: bool | None) -> StoreState | None:
    if read_only is None or read_only == is_read_only(state):
        return None
    if state["state"] == StoreState.DISABLED:
        raise Refused(PARAMETER, "the image store is disabled", hint="enableImageStore first")
    return StoreState.READ_ONLY if read_only else StoreState.UP


async def enable(ask: Ask) -> Answer:
    """Let an image store be written to and read again."""
    return await _stated(StoreState.UP, ask)


async def disable(ask: Ask) -> Answer:
    """Give no access to an image store, for reading or writing, until it is enabled."""
    return await _stated(StoreState.DISABLED, ask)


async def _stated(wished: StoreState, ask: Ask) -> Answer:
    async with ask.desk.transaction() as tx:
        state = await image_store(ask, "id", tx)
    return await changed(ChangeStore(store_id=state["id"], state=wished, asked=new_id()), ask)


async def changed(order: ChangeStore, ask: Ask) -> Answer:
    """Have a store changed; raises Refused with what its owner says against it."""
    async with ask.desk.transaction() as tx:
        before = await tx.row("resource", "store", order.store_id)
        await tx.say(order, to=IMAGE_STORE)
    sequence = before["sequence"] if before else 0

    def done(row: Record) -> bool:
        check_refused(row, order.asked)
        return bool(row["sequence"] > sequence and _is_so(order, row["state"]))

    row = await heard(ask, "store", order.store_id, done)
    async with ask.desk.transaction() as tx:
        return One(await one(row["state"], tx))


def _is_so(order: ChangeStore, state: Mapping[str, Any]) -> bool:
    """A store that does not answer shows only after its next good probe what it is to be."""
    healing = state["state"] == StoreState.DEGRADED and order.state is not StoreState.DISABLED
    return (
        (order.state is None or healing or state["state"] == order.state)
        and order.name in (None, state["name"])
        and order.capacity_bytes in (None, state["total_bytes"])
    )


def check_refused(row: Record, asked: str | None) -> None:
    """Raises Refused when a store's owner refused the order that was named so."""
    error = row["state"].get("error")
    if error and error.get("details", {}).get("asked") == asked:
        told = Problem.model_validate(error).error()
        raise Refused(PARAMETER, told.cause, hint=told.hint, resource=told.resource)


async def delete(ask: Ask) -> Answer:
    """Remove an image store that nothing is on."""
    asked = new_id()
    async with ask.desk.transaction() as tx:
        state = await image_store(ask, "id", tx)
        await tx.say(RemoveStore(store_id=state["id"], asked=asked), to=IMAGE_STORE)

    def done(row: Record) -> bool:
        check_refused(row, asked)
        return bool(row["removed"])

    await heard(ask, "store", state["id"], done)
    return Success()


async def image_store(
    ask: Ask, name: str, tx: Tx, role: StoreRole = StoreRole.IMAGE
) -> dict[str, Any]:
    """The store a parameter names; raises Refused for one of another role, as if it were none."""
    state = await ask.entity(name, "store", tx)
    if state["role"] != role:
        kind = "image store" if role is StoreRole.IMAGE else "staging store"
        raise Refused(PARAMETER, f"there is no {kind} {state['id']}")
    return state


async def list_providers(ask: Ask) -> Answer:
    """List the providers that stores of a type can be made with."""
    if ask.text("type").lower() not in _ROLES:
        raise Refused(PARAMETER, "type is PRIMARY, IMAGE, ImageCache or OBJECT")
    told, role = _ROLES[ask.text("type").lower()]
    async with ask.desk.transaction() as tx:
        names = await _providers(role, tx)
    keyword = ask.text("keyword").lower()
    rows: list[Row] = [{"name": n, "type": told} for n in names if keyword in n.lower()]
    return Rows(paged(rows, ask), len(rows))


async def _providers(role: StoreRole | None, tx: Tx) -> list[str]:
    """Those offered, and of pools also those that agents bring."""
    offered = [row["state"] for row in await tx.rows("places", "provider")]
    names = {state["name"] for state in offered if role in state["roles"]}
    if role is StoreRole.PRIMARY:
        names |= {row["provider"] for row in await tx.rows("providers_of_pools")}
    return sorted(names)


COMMANDS = (
    Command("addImageStore", add_image_store, missing="SMB shares"),
    Command(
        "addImageStoreS3",
        add_s3,
        missing="a choice of signer (always version 4) and tuning of connections, which are "
        "taken and ignored but for sockettimeout",
    ),
    Command("listImageStores", list_image_stores),
    Command("updateImageStore", update),
    Command("enableImageStore", enable),
    Command("disableImageStore", disable),
    Command("deleteImageStore", delete),
    Command("listStorageProviders", list_providers),
)
