"""What is on an image store: browsed as folders, and moved to others; for operators."""

from typing import Annotated, Self

from pydantic import Field, model_validator
from stowage_contracts.errors import Conflict
from stowage_contracts.messages.image_store import (
    ListStoreObjects,
    MoveReplicas,
    MovesPlanned,
    PlanMoves,
    StoreObjectsListed,
)
from stowage_contracts.values import Id, ObjectRef
from stowage_contracts.views import StoreView
from stowage_runtime.http import Call, Reply, Route
from stowage_runtime.service import Desk

from api_gateway.bodies import Given
from api_gateway.deps import Deps
from api_gateway.orders import ask, order
from api_gateway.resources import reference
from api_gateway.routes.store_changes import checked, image_store
from api_gateway.routes.upkeep import MOST_TARGETS

MOST_OBJECTS = 1000
Targets = Annotated[tuple[Id, ...], Field(max_length=MOST_TARGETS)]


class Moves(Given):
    """Objects to move off a store that stays, snapshots with their whole chains."""

    objects: tuple[ObjectRef, ...] = Field(min_length=1, max_length=MOST_OBJECTS)
    to_store_ids: Targets
    """One of these gets each; none: what has not gone yet stays."""


class MovesWanted(Given):
    """What might be moved off a store."""

    to_store_ids: Annotated[Targets, Field(min_length=1)]
    objects: tuple[ObjectRef, ...] = Field(default=(), max_length=MOST_OBJECTS)
    """What evens out how full the stores are, when empty."""

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        if len(set(self.to_store_ids)) < len(self.to_store_ids):
            raise ValueError("name each store once")
        return self


class ShelfQuery(Given):
    """Which folder, and what of it."""

    path: str = Field(default="", max_length=1024)
    offset: int = Field(default=0, ge=0, le=10_000)
    limit: int = Field(default=100, ge=1, le=500)


async def browse(call: Call, desk: Desk, deps: Deps) -> StoreObjectsListed:
    """What stands in a folder of an image store, or at one key."""
    call.principal.require_admin()
    async with desk.transaction() as tx:
        found = await image_store(call, tx)
    question = ListStoreObjects(store_id=found["id"], **call.query.model_dump())
    return await ask(desk, question, StoreObjectsListed)


async def move(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Move objects off a store, verified; each object's replicas tell how far it is."""
    call.principal.require_admin()
    body: Moves = call.body
    await _check_targets(body.to_store_ids, call, desk)
    return await order(call, desk, deps, "store", lambda found: _order(body, checked(found)["id"]))


def _order(body: Moves, store_id: str) -> MoveReplicas:
    if store_id in body.to_store_ids:
        raise Conflict("objects are moved to other stores", resource=f"store/{store_id}")
    return MoveReplicas(store_id=store_id, **dict(body))


async def plan(call: Call, desk: Desk, deps: Deps) -> MovesPlanned:
    """What would be moved, as things are now."""
    call.principal.require_admin()
    body: MovesWanted = call.body
    await _check_targets(body.to_store_ids, call, desk)
    async with desk.transaction() as tx:
        found = await image_store(call, tx)
    question = PlanMoves(store_id=found["id"], **dict(body))
    return await ask(desk, question, MovesPlanned)


async def _check_targets(store_ids: tuple[Id, ...], call: Call, desk: Desk) -> None:
    """Raises NotFound, InvalidInput for those that are no image stores."""
    async with desk.transaction() as tx:
        for store_id in store_ids:
            checked(await reference("store", store_id, call.principal, tx))


_TAGS = ("stores",)
ROUTES: tuple[Route[Deps], ...] = (
    Route(
        "GET",
        "/v1/stores/{id}/objects",
        browse,
        "Browse an image store",
        query=ShelfQuery,
        reply=StoreObjectsListed,
        tags=_TAGS,
    ),
    Route(
        "POST",
        "/v1/stores/{id}/moves",
        move,
        "Move objects to other image stores",
        body=Moves,
        reply=StoreView,
        status=202,
        tags=_TAGS,
    ),
    Route(
        "POST",
        "/v1/stores/{id}/moves/plan",
        plan,
        "Tell what would be moved to other image stores",
        body=MovesWanted,
        reply=MovesPlanned,
        tags=_TAGS,
    ),
)
