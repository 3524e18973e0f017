"""Upkeep of image stores: changed, emptied, compared with the catalogue, adopted; for operators."""

from collections.abc import Callable
from typing import Any

from pydantic import Field
from stowage_contracts.message import Message
from stowage_contracts.messages.image_store import (
    AdoptStore,
    CleanStore,
    EvacuateStore,
    EvacuationPlanned,
    FindingsListed,
    ListFindings,
    PlanEvacuation,
    ScanStore,
    StopEvacuation,
)
from stowage_contracts.values import Id
from stowage_contracts.views import StoreView
from stowage_runtime.http import Call, Reply, Route
from stowage_runtime.service import Desk

from api_gateway.bodies import Given
from api_gateway.deps import Deps
from api_gateway.orders import ask, order
from api_gateway.routes.store_changes import StoreChange, change, checked, image_store

MOST_FINDINGS = 1000
MOST_TARGETS = 200


class Evacuation(Given):
    """How a store is emptied."""

    remove: bool = False
    """Remove it once it is empty."""
    to_store_ids: tuple[Id, ...] = Field(default=(), max_length=MOST_TARGETS)
    """Only to these; placement chooses among all when empty."""


class Cleaning(Given):
    """Findings to remove, each only if it was seen twice and its grace is over."""

    finding_ids: tuple[Id, ...] = Field(min_length=1, max_length=MOST_FINDINGS)


class FindingsQuery(Given):
    """Which findings."""

    after: str = Field(default="", max_length=64)
    """Begin after the finding of this id."""
    limit: int = Field(default=100, ge=1, le=MOST_FINDINGS)


async def evacuate(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Move everything off a store, verified; then remove it if asked."""
    asked = dict(call.body)
    return await _order(call, desk, deps, lambda key: EvacuateStore(store_id=key, **asked))


async def stop_evacuation(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Leave what is still there."""
    return await _order(call, desk, deps, lambda key: StopEvacuation(store_id=key))


async def scan(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Compare what is on a store with what should be."""
    return await _order(call, desk, deps, lambda key: ScanStore(store_id=key))


async def clean(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Remove named findings."""
    return await _order(
        call, desk, deps, lambda key: CleanStore(store_id=key, finding_ids=call.body.finding_ids)
    )


async def adopt(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Rebuild the catalogue from the manifests on a store."""
    return await _order(call, desk, deps, lambda key: AdoptStore(store_id=key))


async def _order(call: Call, desk: Desk, deps: Deps, command: Callable[[str], Message]) -> Reply:
    call.principal.require_admin()
    return await order(call, desk, deps, "store", lambda found: command(checked(found)["id"]))


async def plan(call: Call, desk: Desk, deps: Deps) -> EvacuationPlanned:
    """What an evacuation would move, and where."""
    call.principal.require_admin()
    async with desk.transaction() as tx:
        found = await image_store(call, tx)
    return await ask(desk, PlanEvacuation(store_id=found["id"]), EvacuationPlanned)


async def findings(call: Call, desk: Desk, deps: Deps) -> FindingsListed:
    """A page of what the last comparisons of a store found."""
    call.principal.require_admin()
    async with desk.transaction() as tx:
        found = await image_store(call, tx)
    question = ListFindings(store_id=found["id"], **call.query.model_dump())
    return await ask(desk, question, FindingsListed)


def _ordering(
    method: str, path: str, handler: Any, summary: str, body: type[Given] | None = None
) -> Route[Deps]:
    return Route(
        method,
        f"/v1/stores/{{id}}{path}",
        handler,
        summary,
        body=body,
        reply=StoreView,
        status=202,
        tags=("stores",),
    )


ROUTES: tuple[Route[Deps], ...] = (
    _ordering("PATCH", "", change, "Change an image store", StoreChange),
    _ordering("POST", "/evacuate", evacuate, "Empty an image store", Evacuation),
    _ordering("DELETE", "/evacuation", stop_evacuation, "Stop emptying an image store"),
    _ordering("POST", "/scan", scan, "Compare an image store with the catalogue"),
    _ordering("POST", "/clean", clean, "Remove findings from an image store", Cleaning),
    _ordering("POST", "/adopt", adopt, "Rebuild the catalogue from an image store"),
    Route(
        "GET",
        "/v1/stores/{id}/evacuation-plan",
        plan,
        "Tell what emptying an image store would move",
        reply=EvacuationPlanned,
        tags=("stores",),
    ),
    Route(
        "GET",
        "/v1/stores/{id}/findings",
        findings,
        "List what comparing an image store found",
        query=FindingsQuery,
        reply=FindingsListed,
        tags=("stores",),
    ),
)
