"""Foreign messages: validated, turned into commands for the owners, or refused with a reason."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pydantic import ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import InvalidInput, NotFound
from stowage_contracts.messages.cache_autoscaler import ReportCacheLoad
from stowage_contracts.topology import address
from stowage_contracts.values import Bytes, Id, ServiceName, StoreRole, new_id
from stowage_contracts.views import CacheLoad
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http.parsing import refusal

from api_gateway.accounts import ADMIN, Principal
from api_gateway.bodies import Given
from api_gateway.deps import Deps
from api_gateway.new_stores import StoreFields, place
from api_gateway.resources import reference
from api_gateway.routes.copies import NewCopy, ask

CAMEL = ConfigDict(alias_generator=to_camel, populate_by_name=True, loc_by_alias=False)
"""CloudStack and its scripts write ``templateId`` where we write ``template_id``."""


class StoreAdded(StoreFields):
    """A store somebody wants used; its secrets only sealed, and only for the id it names."""

    model_config = CAMEL

    id: Id | None = None
    sealed: str = Field(default="", pattern=r"^(box1\.[A-Za-z0-9_-]+)?$", max_length=16_384)

    @model_validator(mode="before")
    @classmethod
    def _sealed_only(cls, data: Any) -> Any:
        if isinstance(data, dict) and {"secrets", "secret"} & set(data):
            raise ValueError("secrets are sent sealed, never as they are: GET /v1/sealing-keys")
        if isinstance(data, dict) and data.get("sealed") and not data.get("id"):
            raise ValueError("what is sealed is sealed for a store's id: give that id")
        return data


class CopyRequested(NewCopy):
    """A copy somebody wants."""

    model_config = CAMEL

    account_id: Id | None = None
    """Whose copy; the admin account's when missing."""


class CacheLoadHigh(Given):
    """A cache, or a whole fleet of them, that somebody saw overloaded."""

    model_config = CAMEL

    store_id: Id
    """A cache store, or a cache fleet."""
    bytes_per_second: float = Field(default=0.0, ge=0)
    shown_bytes_per_second: float = Field(default=0.0, ge=0)
    streams: int = Field(default=0, ge=0)
    used_bytes: Bytes = 0
    total_bytes: Bytes = 0
    backlog_bytes: Bytes = 0
    reason: str = Field(default="reported from outside", max_length=500)


async def on_store_added(message: StoreAdded, tx: Tx) -> None:
    """AddStore for the owner of its role, which proves it first."""
    await place(message, message.id or new_id(), message.sealed, ADMIN, tx)


async def on_copy_requested(message: CopyRequested, tx: Tx) -> None:
    """RequestCopy for image-store, in the name of the account."""
    principal = ADMIN
    if message.account_id is not None and message.account_id != ADMIN.account_id:
        account = await tx.row("account", message.account_id)
        if account is None:
            raise NotFound("no such account", resource=f"account/{message.account_id}")
        principal = Principal(account["id"], account["admin"])
    await ask(message, principal, tx)


async def on_cache_load_high(message: CacheLoadHigh, tx: Tx) -> None:
    """ReportCacheLoad for cache-autoscaler, which looks for itself."""
    await _check_cache(message.store_id, tx)
    load = CacheLoad.model_validate(message.model_dump(exclude={"reason"}))
    command = ReportCacheLoad(load=load, reason=message.reason)
    await tx.say(command, to=address(ServiceName.CACHE_AUTOSCALER))


async def _check_cache(key: str, tx: Tx) -> None:
    fleet = await tx.row("resource", "cache_fleet", key)
    if fleet is not None and not fleet["removed"]:
        return
    store = await reference("store", key, ADMIN, tx)
    if store["role"] != StoreRole.IMAGE_CACHE:
        raise InvalidInput(
            f"the store has role {store['role']}",
            code="role",
            resource=f"store/{store['id']}",
            hint="load is reported of cache stores and cache fleets",
        )


Take = Callable[[Any, Tx], Awaitable[None]]
FOREIGN: Mapping[str, tuple[type[Given], Take]] = {
    "StoreAdded": (StoreAdded, on_store_added),
    "CopyRequested": (CopyRequested, on_copy_requested),
    "CacheLoadHigh": (CacheLoadHigh, on_cache_load_high),
}


async def on_foreign(envelope: Envelope, tx: Tx, deps: Deps) -> None:
    """All or nothing: what is refused leaves no trace but the answer. Raises StowageError."""
    kind, take = FOREIGN.get(envelope.type, (None, None))
    if kind is None or take is None:
        raise InvalidInput(
            "nothing foreign of that type is taken",
            code="unknown_message",
            resource=envelope.type[:64],
            hint=f"send {', '.join(FOREIGN)}",
        )
    data = {name: value for name, value in envelope.data.items() if name != "type"}
    try:
        message = kind.model_validate(data)
    except ValidationError as error:
        raise _named(refusal(error, "message"), envelope.type) from None
    await take(message, tx)


def _named(error: InvalidInput, resource: str) -> InvalidInput:
    error.resource = resource
    error.hint = "docs/how-to/ingress.md shows a good one of each type"
    return error
