"""Why a fleet is as large as it is, and what its settings would do on a made-up day."""

from stowage_contracts.caching import CacheFleet
from stowage_contracts.messages.cache_autoscaler import (
    ExplainFleet,
    FleetExplained,
    FleetSimulated,
    SimulateFleet,
)
from stowage_runtime.http import Call, Route
from stowage_runtime.service import Desk

from api_gateway.deps import Deps
from api_gateway.new_stores import Scoped, scope_of
from api_gateway.orders import ask
from api_gateway.resources import reference
from api_gateway.routes.caches.bodies import NewFleet, Trial
from api_gateway.routes.caches.fleets import NOUN, checked_id


async def explain(call: Call, desk: Desk, deps: Deps) -> FleetExplained:
    """What every strategy would want of it now, what is done about it, and what was decided."""
    call.principal.require_admin()
    async with desk.transaction() as tx:
        found = await reference(NOUN, call.path["id"], call.principal, tx)
    return await ask(desk, ExplainFleet(fleet_id=found["id"]), FleetExplained)


async def simulate(call: Call, desk: Desk, deps: Deps) -> FleetSimulated:
    """Try its settings, or others, on a made-up day in virtual time; nothing is spawned."""
    call.principal.require_admin()
    body: Trial = call.body
    question = SimulateFleet(
        fleet=await _fleet(call, desk),
        demand=body.points,
        vm_bytes_per_second=body.vm_bytes_per_second,
        spawn_seconds=body.spawn_seconds,
    )
    return await ask(desk, question, FleetSimulated)


async def _fleet(call: Call, desk: Desk) -> CacheFleet:
    key = checked_id(call.path["id"])
    wanted: NewFleet | None = call.body.fleet
    async with desk.transaction() as tx:
        if wanted is not None:
            return wanted.fleet(
                key, await scope_of(Scoped(wanted.scope, wanted.scope_id), call.principal, tx)
            )
        return CacheFleet.model_validate(await reference(NOUN, key, call.principal, tx))


_TAGS = ("caches",)
ROUTES: tuple[Route[Deps], ...] = (
    Route(
        "GET",
        "/v1/cache-fleets/{id}/explain",
        explain,
        "Explain the size of a fleet",
        reply=FleetExplained,
        tags=_TAGS,
    ),
    Route(
        "POST",
        "/v1/cache-fleets/{id}/simulate",
        simulate,
        "Try a fleet's settings on a made-up day",
        body=Trial,
        reply=FleetSimulated,
        tags=_TAGS,
    ),
)
