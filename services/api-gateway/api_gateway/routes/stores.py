"""Data stores of every role; secrets are sealed here for the store's owner."""

from typing import Any

from pydantic import BaseModel, Field, SecretStr
from stowage_contracts.errors import InvalidInput
from stowage_contracts.messages.image_store import ProbeStore, RemoveStore
from stowage_contracts.topology import address
from stowage_contracts.values import Id, Name, ScopeType, StoreRole, StoreState, Value, new_id
from stowage_contracts.views import StoreView
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call, Reply, Route
from stowage_runtime.service import Desk

from api_gateway.conditions import matched
from api_gateway.deps import Deps
from api_gateway.filters import NamedQuery
from api_gateway.forms import form_of
from api_gateway.idempotency import accept
from api_gateway.new_stores import StoreFields, owner_of, place, seal
from api_gateway.resources import (
    Match,
    Page,
    State,
    WaitQuery,
    page,
    reference,
    settled,
    shown,
    state,
)


class NewStore(StoreFields):
    """A data store to prove and add.

    Fields that the provider's form marks ``writeOnly`` are sealed wherever they stand; of a
    provider that is not known yet they go under ``secrets``.
    """

    id: Id | None = None
    secrets: dict[str, SecretStr] = Field(default={}, max_length=32)


class StoresQuery(NamedQuery):
    """Which stores."""

    role: StoreRole | None = None
    state: StoreState | None = None
    provider: Name | None = None
    zone_id: Id | None = None
    """Those that serve a zone: its own, those within it, and region-wide ones."""

    def any_of(self) -> list[Match]:
        """In the zone, or everywhere."""
        base = self.given("role", "state", "provider")
        if self.zone_id is None:
            return [base]
        scopes = ({"zone_id": self.zone_id}, {"type": ScopeType.REGION.value})
        return [{**base, "scope": scope} for scope in scopes]


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
        filled = (await form_of(body.provider, tx)).fill(body.settings, body.secrets)
        sealed = seal(filled, store_id, body.role, deps)
        plain = body.model_copy(update={"settings": filled.settings})
        return await place(plain, store_id, sealed, call.principal, tx)

    return await accept(call, desk, deps, make)


async def list_stores(call: Call, desk: Desk, deps: Deps) -> BaseModel:
    """Stores that the query asks for."""
    return await page("store", call, desk)


async def show_store(call: Call, desk: Desk, deps: Deps) -> Reply:
    """A store; with ``wait`` once its probe has spoken."""
    return shown(
        await settled("store", call, desk, deps, lambda row: row["state"] != StoreState.ADDING)
    )


async def probe_store(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Ask the owner to probe a store again."""
    call.principal.require_admin()

    async def make(tx: Tx) -> State:
        found = await reference("store", call.path["id"], call.principal, tx)
        await _order(found, ProbeStore(store_id=found["id"]), tx)
        return State(found)

    return await accept(call, desk, deps, make)


async def remove_store(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Ask the owner to remove a store; it refuses while replicas are on it."""
    call.principal.require_admin()

    async def make(tx: Tx) -> State:
        found = await state("store", call.path["id"], call.principal, tx)
        if found["state"] == StoreState.REMOVED:  # its owner kept nothing of it: only we show it
            await tx.run("hide", "store", found["id"])
        else:
            await _order(found, RemoveStore(store_id=found["id"]), tx)
        return State(found)

    return await accept(call, desk, deps, matched(call, "store", make))


async def _order(found: dict[str, Any], command: ProbeStore | RemoveStore, tx: Tx) -> None:
    if found["role"] == StoreRole.PRIMARY:
        raise InvalidInput(
            "a primary pool belongs to the agent that reports it",
            code="role",
            resource=f"store/{found['id']}",
            hint="configure the pool at its host's agent",
        )
    await tx.say(command, to=address(owner_of(StoreRole(found["role"]))))


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
