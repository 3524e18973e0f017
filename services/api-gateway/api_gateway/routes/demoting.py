"""An image store that becomes a cache as it stands (updateCloudToUseObjectStore); for operators."""

from typing import Self

from pydantic import model_validator
from stowage_contracts.messages.image_store import DemoteStore
from stowage_contracts.values import Id, Name, Scope, ScopeType, Value, new_id
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call, Reply, Route
from stowage_runtime.service import Desk

from api_gateway.bodies import Given
from api_gateway.deps import Deps
from api_gateway.idempotency import accept
from api_gateway.new_stores import Scoped, scope_of
from api_gateway.orders import IMAGE_STORE
from api_gateway.routes.store_changes import image_store


class Demotion(Given):
    """What an image store is to be from now on; what is left out stays as it is."""

    cache_store_id: Id | None = None
    """Id of the cache store it becomes; a fresh one when missing."""
    name: Name | None = None
    scope: ScopeType | None = None
    scope_id: Id | None = None
    """The zone, pod, cluster or host the scope names."""
    copy_first: bool = False
    """Instead of a refusal, bring what only it holds to other image stores, and then do it."""

    @model_validator(mode="after")
    def _whole_scope(self) -> Self:
        if self.scope is None and self.scope_id is not None:
            raise ValueError("scope_id names nothing without a scope")
        return self


class DemotionOrdered(Value):
    """What was asked of the owner; refused, the image store's ``error`` says why."""

    id: Id
    """The image store; Removed once it is a cache."""
    cache_store_id: Id
    """The cache store that appears in its place."""


async def demote(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Give up an image store; its place and every byte on it are the caches' from then on."""
    call.principal.require_admin()
    body: Demotion = call.body

    async def make(tx: Tx) -> DemotionOrdered:
        found = await image_store(call, tx)
        scope = Scope.model_validate(found["scope"])
        if body.scope is not None:
            scope = await scope_of(Scoped(body.scope, body.scope_id), call.principal, tx)
        command = DemoteStore(
            store_id=found["id"],
            cache_store_id=body.cache_store_id or new_id(),
            name=body.name or found["name"],
            scope=scope,
            copy_first=body.copy_first,
        )
        await tx.say(command, to=IMAGE_STORE)
        return DemotionOrdered(id=command.store_id, cache_store_id=command.cache_store_id)

    return await accept(call, desk, deps, make)


ROUTES: tuple[Route[Deps], ...] = (
    Route(
        "POST",
        "/v1/stores/{id}/demote",
        demote,
        "Make an image store a cache store without moving a byte",
        body=Demotion,
        reply=DemotionOrdered,
        status=202,
        tags=("stores",),
    ),
)
