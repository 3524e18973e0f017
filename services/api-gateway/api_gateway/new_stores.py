"""Adding a data store, however it was asked for: over HTTP or by a foreign message."""

import json
import re
from typing import Any

from pydantic import field_validator
from stowage_contracts.errors import InvalidInput
from stowage_contracts.messages.image_store import AddStore
from stowage_contracts.topology import address
from stowage_contracts.values import Id, Name, Scope, ScopeType, ServiceName, StoreRole, StoreState
from stowage_contracts.views import StoreView
from stowage_runtime.handling.tx import Tx

from api_gateway.accounts import Principal
from api_gateway.bodies import Given
from api_gateway.resources import pending, reference

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
    await tx.say(_command(view, sealed), to=address(owner_of(body.role)))
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


def owner_of(role: StoreRole) -> ServiceName:
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


def sealing_context(store_id: str) -> str:
    """What a store's secrets are sealed for."""
    return f"image_data_store/{store_id}"
