"""Data stores of every role; secrets are sealed here for the store's owner."""

import json
import re
from typing import Any

from pydantic import BaseModel, Field, SecretStr, field_validator
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

from api_gateway.accounts import Principal
from api_gateway.bodies import Given
from api_gateway.deps import Deps
from api_gateway.idempotency import accept
from api_gateway.resources import (
    Page,
    PageQuery,
    State,
    WaitQuery,
    page,
    pending,
    reference,
    settled,
    state,
)

LARGEST_SETTINGS = 16_384
"""Characters of JSON: settings travel in messages."""
_LOOKS_SECRET = re.compile(r"secret|passw|token|access_?key|private|credential|api_?key", re.I)
_LOGIN_IN_URL = re.compile(r"://[^/@\s]*:[^/@\s]*@")


class StoreFields(Given):
    """What every way to add a store says of it."""

    name: Name
    provider: Name
    role: StoreRole = StoreRole.IMAGE
    scope: ScopeType = ScopeType.REGION
    scope_id: Id | None = None
    """The zone, pod, cluster or host the scope names."""
    settings: dict[str, Any] = {}

    @field_validator("settings")
    @classmethod
    def _small(cls, settings: dict[str, Any]) -> dict[str, Any]:
        if len(json.dumps(settings)) > LARGEST_SETTINGS:
            raise ValueError(f"settings have at most {LARGEST_SETTINGS} characters as JSON")
        return settings


class NewStore(StoreFields):
    """A data store to prove and add; secret settings go under ``secrets``, nowhere else."""

    id: Id | None = None
    secrets: dict[str, SecretStr] = Field(default={}, max_length=32)


class StoresQuery(PageQuery):
    """Which stores."""

    role: StoreRole | None = None


class SealingKeys(Value):
    """Public keys to seal a store's secrets with before they are sent over the bus."""

    image_store: str
    cache_autoscaler: str


async def add_store(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Add a store: its owner probes it first and keeps nothing of a bad one."""
    call.principal.require_admin()
    body: NewStore = call.body
    store_id = body.id or new_id()

    async def make(tx: Tx) -> StoreView:
        return await place(body, store_id, _seal(body, store_id, deps), call.principal, tx)

    return await accept(call, desk, deps, make)


async def place(
    body: StoreFields, store_id: str, sealed: str, principal: Principal, tx: Tx
) -> StoreView:
    """Ask the owner of the role to add a store; raises InvalidInput, NotFound, Conflict."""
    _check(body)
    view = StoreView(
        id=store_id,
        name=body.name,
        provider=body.provider,
        role=body.role,
        scope=await _scope(body, principal, tx),
        state=StoreState.ADDING,
        settings=body.settings,
    )
    await pending(tx, "store", view)
    await tx.say(_command(view, sealed), to=address(_owner(body.role)))
    return view


def _check(body: StoreFields) -> None:
    if body.role is StoreRole.PRIMARY:
        raise InvalidInput(
            "primary pools are reported by the agent that sees them",
            code="role",
            hint="configure the pool at its host's agent",
        )
    loose = sorted(set(_loose(body.settings)))
    if loose:
        raise InvalidInput(
            f"{', '.join(loose)} must be given under 'secrets'",
            code="secret_in_settings",
            hint="what stands under 'settings' is shown and stored in clear",
        )


def _loose(value: Any, name: str = "settings") -> list[str]:
    """Names of settings, however deep, that look like secrets."""
    if isinstance(value, dict):
        named = [key for key, inner in value.items() if _LOOKS_SECRET.search(key) and inner]
        return [*named, *(bad for key, inner in value.items() for bad in _loose(inner, key))]
    if isinstance(value, list):
        return [bad for inner in value for bad in _loose(inner, name)]
    return [name] if isinstance(value, str) and _LOGIN_IN_URL.search(value) else []


def _owner(role: StoreRole) -> ServiceName:
    cache = role is StoreRole.IMAGE_CACHE
    return ServiceName.CACHE_AUTOSCALER if cache else ServiceName.IMAGE_STORE


async def _scope(body: StoreFields, principal: Principal, tx: Tx) -> Scope:
    if (body.scope is ScopeType.REGION) != (body.scope_id is None):
        raise InvalidInput(
            "a region scope names nothing; every other scope names one id",
            code="scope",
            hint="give scope_id the id of the zone, pod, cluster or host",
        )
    if body.scope_id is None:
        return Scope.region()
    found = await reference(body.scope, body.scope_id, principal, tx)
    zone = found["id"] if body.scope is ScopeType.ZONE else _zone_of(found)
    return Scope(type=body.scope, id=body.scope_id, zone_id=zone)


def _zone_of(found: dict[str, Any]) -> str | None:
    where = found.get("location", found)
    return str(where["zone_id"]) if where.get("zone_id") else None


def sealing_context(store_id: str) -> str:
    """What a store's secrets are sealed for."""
    return f"image_data_store/{store_id}"


def _seal(body: NewStore, store_id: str, deps: Deps) -> str:
    if not body.secrets:
        return ""
    plain = {name: value.get_secret_value() for name, value in body.secrets.items()}
    public = deps.public_key(_owner(body.role))
    return Sealer.seal(public, json.dumps(plain).encode(), sealing_context(store_id))


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


async def list_stores(call: Call, desk: Desk, deps: Deps) -> BaseModel:
    """Stores of one role, or all."""
    match = {"role": call.query.role} if call.query.role else None
    return await page("store", call, desk, match)


async def show_store(call: Call, desk: Desk, deps: Deps) -> State:
    """A store; with ``wait`` once its probe has spoken."""
    return State(
        await settled("store", call, desk, deps, lambda row: row["state"] != StoreState.ADDING)
    )


async def probe_store(call: Call, desk: Desk, deps: Deps) -> State:
    """Ask the owner to probe a store again."""
    call.principal.require_admin()
    async with desk.transaction() as tx:
        found = await reference("store", call.path["id"], call.principal, tx)
        await _order(found, ProbeStore(store_id=found["id"]), tx)
    return State(found)


async def remove_store(call: Call, desk: Desk, deps: Deps) -> State:
    """Ask the owner to remove a store; it refuses while replicas are on it."""
    call.principal.require_admin()
    async with desk.transaction() as tx:
        found = await state("store", call.path["id"], call.principal, tx)
        if found["state"] == StoreState.REMOVED:  # its owner kept nothing of it: only we show it
            await tx.run("hide", "store", found["id"])
        else:
            await _order(found, RemoveStore(store_id=found["id"]), tx)
    return State(found)


async def _order(found: dict[str, Any], command: ProbeStore | RemoveStore, tx: Tx) -> None:
    if found["role"] == StoreRole.PRIMARY:
        raise InvalidInput(
            "a primary pool belongs to the agent that reports it",
            code="role",
            resource=f"store/{found['id']}",
            hint="configure the pool at its host's agent",
        )
    await tx.say(command, to=address(_owner(StoreRole(found["role"]))))


async def sealing_keys(call: Call, desk: Desk, deps: Deps) -> SealingKeys:
    """For foreign publishers, who never send a secret that is not sealed."""
    return SealingKeys(
        image_store=deps.settings.seal_public_key_image_store,
        cache_autoscaler=deps.settings.seal_public_key_cache_autoscaler,
    )


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
        reply=Page[StoreView],
        tags=("stores",),
    ),
    Route(
        "GET",
        "/v1/stores/{id}",
        show_store,
        "Show a data store",
        query=WaitQuery,
        reply=StoreView,
        tags=("stores",),
        seconds=630,
    ),
    Route(
        "POST",
        "/v1/stores/{id}/probe",
        probe_store,
        "Probe a data store again",
        reply=StoreView,
        status=202,
        tags=("stores",),
    ),
    Route(
        "DELETE",
        "/v1/stores/{id}",
        remove_store,
        "Remove a data store",
        reply=StoreView,
        status=202,
        tags=("stores",),
    ),
    Route(
        "GET",
        "/v1/sealing-keys",
        sealing_keys,
        "Keys to seal secrets with",
        reply=SealingKeys,
        tags=("stores",),
    ),
)
