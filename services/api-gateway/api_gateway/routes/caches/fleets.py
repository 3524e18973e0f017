"""Cache fleets: set, listed, shown, removed; operators only."""

from typing import Any

from pydantic import BaseModel
from stowage_contracts.caching import CacheFleet, CacheFleetView
from stowage_contracts.errors import InvalidInput
from stowage_contracts.messages.cache_autoscaler import RemoveCacheFleet, SetCacheFleet
from stowage_contracts.topology import address
from stowage_contracts.values import ServiceName
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call, Reply, Route
from stowage_runtime.service import Desk

from api_gateway.bodies import is_id
from api_gateway.conditions import matched
from api_gateway.deps import Deps
from api_gateway.filters import TimedQuery
from api_gateway.idempotency import accept
from api_gateway.new_stores import Scoped, scope_of
from api_gateway.orders import order
from api_gateway.resources import Page, page, show, shown
from api_gateway.routes.caches.bodies import NewFleet

NOUN = "cache_fleet"
CACHE_AUTOSCALER = address(ServiceName.CACHE_AUTOSCALER)


async def set_fleet(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Add or replace a fleet; its limits hold at once."""
    call.principal.require_admin()
    key = checked_id(call.path["id"])
    body: NewFleet = call.body

    async def make(tx: Tx) -> CacheFleetView:
        fleet = body.fleet(
            key, await scope_of(Scoped(body.scope, body.scope_id), call.principal, tx)
        )
        view = await _view(fleet, tx)
        await tx.run("put_pending", NOUN, key, view.model_dump(mode="json"))
        await tx.say(SetCacheFleet(fleet=fleet), to=CACHE_AUTOSCALER)
        return view

    return await accept(call, desk, deps, matched(call, NOUN, make))


async def _view(fleet: CacheFleet, tx: Tx) -> CacheFleetView:
    """How it stands meanwhile: what its owner last told of it. Raises InvalidInput."""
    row = await tx.row("resource", NOUN, fleet.id)
    known: dict[str, Any] = {} if row is None or row["removed"] else row["state"]
    wanted = fleet.model_dump(mode="json")
    if known and known["members"] and known["scope"] != wanted["scope"]:
        raise InvalidInput(
            "its VMs live in another scope",
            resource=f"{NOUN}/{fleet.id}",
            code="scope",
            hint="remove the fleet and make another",
        )
    return CacheFleetView.model_validate({**known, **wanted})


def checked_id(text: str) -> str:
    """The fleet's id itself; raises InvalidInput."""
    if not is_id(text):
        raise InvalidInput("not an id", resource=f"{NOUN}/{text[:64]}", code="id")
    return text


async def list_fleets(call: Call, desk: Desk, deps: Deps) -> BaseModel:
    """All fleets and how they stand."""
    call.principal.require_admin()
    return await page(NOUN, call, desk)


async def show_fleet(call: Call, desk: Desk, deps: Deps) -> Reply:
    """A fleet and how it stands."""
    call.principal.require_admin()
    return shown(await show(NOUN, call.path["id"], call, desk))


async def remove_fleet(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Drain and destroy its VMs, then forget it."""
    call.principal.require_admin()
    return await order(call, desk, deps, NOUN, lambda found: RemoveCacheFleet(fleet_id=found["id"]))


_TAGS = ("caches",)
ROUTES: tuple[Route[Deps], ...] = (
    Route(
        "PUT",
        "/v1/cache-fleets/{id}",
        set_fleet,
        "Add or replace a fleet of transport VMs",
        body=NewFleet,
        reply=CacheFleetView,
        status=202,
        tags=_TAGS,
    ),
    Route(
        "GET",
        "/v1/cache-fleets",
        list_fleets,
        "List fleets of transport VMs",
        query=TimedQuery,
        reply=Page[CacheFleetView],
        tags=_TAGS,
    ),
    Route(
        "GET",
        "/v1/cache-fleets/{id}",
        show_fleet,
        "Show a fleet of transport VMs",
        reply=CacheFleetView,
        tags=_TAGS,
    ),
    Route(
        "DELETE",
        "/v1/cache-fleets/{id}",
        remove_fleet,
        "Remove a fleet of transport VMs",
        reply=CacheFleetView,
        status=202,
        tags=_TAGS,
    ),
)
