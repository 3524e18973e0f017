"""Data stores of every role; secrets are sealed here for the store's owner."""

import json
import re
from typing import Any

from pydantic import SecretStr
from stowage_contracts.errors import InvalidInput
from stowage_contracts.messages.image_store import AddStore, ProbeStore, RemoveStore
from stowage_contracts.topology import address
from stowage_contracts.values import (
    Id,
    Name,
    Scope,
    ScopeType,
    ServiceName,
    StoreRole,
    StoreState,
    Value,
    new_id,
)
from stowage_contracts.views import StoreView
from stowage_runtime.http import Call, Reply, Route
from stowage_runtime.secrets import Sealer
from stowage_runtime.service import Desk
from stowage_runtime.tx import Tx

from api_gateway.deps import Deps
from api_gateway.resources import Page, PageQuery, WaitQuery, accept, page, pending, settled, state
from api_gateway.routes.places import State

_LOOKS_SECRET = re.compile(r"secret|password|passwd|token|access_?key|private|credential", re.I)


class NewStore(Value):
    """A data store to prove and add; secret settings go under ``secrets``, nowhere else."""

    id: Id | None = None
    name: Name
    provider: Name
    role: StoreRole = StoreRole.IMAGE
    scope: ScopeType = ScopeType.REGION
    scope_id: Id | None = None
    settings: dict[str, Any] = {}
    secrets: dict[str, SecretStr] = {}


class StoresQuery(PageQuery):
    """Which stores."""

    role: StoreRole | None = None


async def add_store(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Add a store: its owner probes it first and keeps nothing of a bad one."""
    call.principal.require_admin()
    body: NewStore = call.body
    _check(body)
    store_id = body.id or new_id()
    owner = _owner(body.role)

    async def make(tx: Tx) -> StoreView:
        scope = await _scope(body, call, tx)
        view = StoreView(
            id=store_id,
            name=body.name,
            provider=body.provider,
            role=body.role,
            scope=scope,
            state=StoreState.ADDING,
            settings=body.settings,
        )
        await pending(tx, "store", view)
        await tx.say(_command(view, _seal(body, store_id, deps)), to=address(owner))
        return view

    return await accept(call, desk, make)


def _check(body: NewStore) -> None:
    if body.role is StoreRole.PRIMARY:
        raise InvalidInput(
            "primary pools are reported by the agent that sees them",
            code="role",
            hint="configure the pool at its host's agent",
        )
    loose = [name for name in body.settings if _LOOKS_SECRET.search(name)]
    if loose:
        raise InvalidInput(
            f"{', '.join(loose)} must be given under 'secrets'",
            code="secret_in_settings",
            hint="what stands under 'settings' is shown and stored in clear",
        )


def _owner(role: StoreRole) -> ServiceName:
    cache = role is StoreRole.IMAGE_CACHE
    return ServiceName.CACHE_AUTOSCALER if cache else ServiceName.IMAGE_STORE


async def _scope(body: NewStore, call: Call, tx: Tx) -> Scope:
    if body.scope is ScopeType.REGION:
        return Scope.region()
    if body.scope_id is None:
        raise InvalidInput(f"scope_id must name a {body.scope}", code="scope")
    found = await state(body.scope, body.scope_id, call, tx)
    zone = found["id"] if body.scope is ScopeType.ZONE else _zone_of(found)
    return Scope(type=body.scope, id=body.scope_id, zone_id=zone)


def _zone_of(found: dict[str, Any]) -> str | None:
    where = found.get("location", found)
    return str(where["zone_id"]) if where.get("zone_id") else None


def _seal(body: NewStore, store_id: str, deps: Deps) -> str:
    if not body.secrets:
        return ""
    plain = {name: value.get_secret_value() for name, value in body.secrets.items()}
    public = deps.public_key(_owner(body.role))
    return Sealer.seal(public, json.dumps(plain).encode(), f"image_data_store/{store_id}")


def _command(view: StoreView, sealed: str) -> AddStore:
    return AddStore(
        store_id=view.id,
        name=view.name,
        provider=view.provider,
        role=view.role,
        scope=view.scope,
        settings=view.settings,
        sealed=sealed,
    )


async def list_stores(call: Call, desk: Desk, deps: Deps) -> Page:
    """Stores of one role, or all."""
    match = {"role": call.query.role} if call.query.role else None
    return await page("store", call, desk, match)


async def show_store(call: Call, desk: Desk, deps: Deps) -> State:
    """A store; with ``wait`` once its probe has spoken."""
    found = await settled(
        "store", call, desk, deps, lambda store: store["state"] != StoreState.ADDING
    )
    return State(found)


async def probe_store(call: Call, desk: Desk, deps: Deps) -> State:
    """Ask the owner to probe a store again."""
    return await _order(call, desk, ProbeStore(store_id=call.path["id"]))


async def remove_store(call: Call, desk: Desk, deps: Deps) -> State:
    """Ask the owner to remove a store; it refuses while replicas are on it."""
    return await _order(call, desk, RemoveStore(store_id=call.path["id"]))


async def _order(call: Call, desk: Desk, command: ProbeStore | RemoveStore) -> State:
    call.principal.require_admin()
    async with desk.transaction() as tx:
        found = await state("store", call.path["id"], call, tx)
        await tx.say(command, to=address(_owner(StoreRole(found["role"]))))
    return State(found)


ROUTES: tuple[Route[Deps], ...] = (
    Route(
        "POST",
        "/v1/stores",
        add_store,
        "Prove and add a data store",
        body=NewStore,
        reply=StoreView,
        status=202,
        tags=("stores",),
    ),
    Route(
        "GET",
        "/v1/stores",
        list_stores,
        "List data stores",
        query=StoresQuery,
        reply=Page,
        tags=("stores",),
    ),
    Route(
        "GET",
        "/v1/stores/{id}",
        show_store,
        "Show a data store",
        query=WaitQuery,
        reply=State,
        tags=("stores",),
        seconds=630,
    ),
    Route(
        "POST",
        "/v1/stores/{id}/probe",
        probe_store,
        "Probe a data store again",
        reply=State,
        status=202,
        tags=("stores",),
    ),
    Route(
        "DELETE",
        "/v1/stores/{id}",
        remove_store,
        "Remove a data store",
        reply=State,
        status=202,
        tags=("stores",),
    ),
)
