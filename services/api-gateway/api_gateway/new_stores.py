"""Adding a data store, however it was asked for: over HTTP or by a foreign message."""

from dataclasses import dataclass
from typing import Any

from pydantic import Field, field_validator
from stowage_contracts import sealing
from stowage_contracts.errors import InvalidInput
from stowage_contracts.messages.image_store import AddStore
from stowage_contracts.topology import address
from stowage_contracts.values import Id, Name, Scope, ScopeType, ServiceName, StoreRole, StoreState
from stowage_contracts.views import StoreView
from stowage_runtime.handling.tx import Tx
from stowage_runtime.secrets import Sealer

from api_gateway.accounts import Principal
from api_gateway.bodies import Given
from api_gateway.deps import Deps
from api_gateway.forms import Filled, check_size, form_of
from api_gateway.resources import pending, reference

MOST_TAGS = 64


class StoreFields(Given):
    """What every way to add a store says of it."""

    name: Name
    provider: Name
    role: StoreRole = StoreRole.IMAGE
    scope: ScopeType = ScopeType.REGION
    scope_id: Id | None = None
    """The zone, pod, cluster or host the scope names."""
    settings: dict[str, Any] = {}
    tags: tuple[Name, ...] = Field(default=(), max_length=MOST_TAGS)
    """What placement rules may ask for."""

    @field_validator("settings")
    @classmethod
    def _small(cls, settings: dict[str, Any]) -> dict[str, Any]:
        return check_size(settings)


async def place(
    body: StoreFields, store_id: str, sealed: str, principal: Principal, tx: Tx
) -> StoreView:
    """Ask the owner of the role to add a store; raises InvalidInput, NotFound, Conflict."""
    _check_role(body)
    (await form_of(body.provider, tx)).check(body.settings)
    view = StoreView(
        id=store_id,
        name=body.name,
        provider=body.provider,
        role=body.role,
        scope=await scope_of(Scoped(body.scope, body.scope_id), principal, tx),
        state=StoreState.ADDING,
        settings=body.settings,
        tags=body.tags,
    )
    await pending(tx, "store", view)
    await tx.say(_command(view, sealed), to=address(owner_of(body.role)))
    return view


def _check_role(body: StoreFields) -> None:
    if body.role is StoreRole.PRIMARY:
        raise InvalidInput(
            "primary pools are reported by the agent that sees them",
            code="role",
            hint="configure the pool at its host's agent",
        )


def owner_of(role: StoreRole) -> ServiceName:
    """Who keeps stores of a role."""
    cache = role is StoreRole.IMAGE_CACHE
    return ServiceName.CACHE_AUTOSCALER if cache else ServiceName.IMAGE_STORE


@dataclass(frozen=True)
class Scoped:
    """A scope by its type and the id of what it names."""

    scope: ScopeType
    scope_id: str | None


async def scope_of(body: Scoped, principal: Principal, tx: Tx) -> Scope:
    """The scope a body names, with its zone; raises InvalidInput, NotFound."""
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


def _command(view: StoreView, sealed: str) -> AddStore:
    return AddStore(
        store_id=view.id,
        name=view.name,
        provider=view.provider,
        role=view.role,
        scope=view.scope,
        settings=view.settings,
        sealed=sealed,
        tags=view.tags,
    )


def seal(filled: Filled, store_id: str, role: StoreRole, deps: Deps) -> str:
    """The secrets, for the store's owner and this store only; empty without any."""
    if not filled.plaintext:
        return ""
    public = deps.public_key(owner_of(role))
    return Sealer.seal(public, filled.plaintext, sealing.for_store(store_id))
