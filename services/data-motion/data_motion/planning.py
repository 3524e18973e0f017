"""What is true now, put to the strategies."""

from functools import lru_cache

from stowage_contracts.caching import CacheFleetView
from stowage_contracts.hosts import HostAbilities
from stowage_contracts.messages.image_store import CopyRequested
from stowage_contracts.plugins.data_motion_strategy import AgentView, MotionAsk
from stowage_contracts.values import CacheUse, Id, Location
from stowage_contracts.views import StoreView
from stowage_runtime.handling.tx import Tx

from data_motion.deps import Deps
from data_motion.model.plan import Decision, decide
from data_motion.model.policy import Choice, zone_of
from data_motion.records import Job, PolicyRecord


async def decided(
    request: CopyRequested, tx: Tx, deps: Deps, *, caches: CacheUse | None = None
) -> Decision:
    """What the strategies make of a copy, with today's agents, caches, fleets and policy; with
    another use of ``caches`` than the policy's, where it is given."""
    rest = await tx.row("planning_rest", zone_of(request))
    stores, fleets, policy = rest or (None, None, None)
    choice = Choice(PolicyRecord.model_validate(policy) if policy else None)
    ask = MotionAsk(
        request=request,
        agents=await _agents(request, tx, deps),
        caches=tuple(StoreView.model_validate(cache) for cache in stores or ()),
        fleets=tuple(CacheFleetView.model_validate(fleet) for fleet in fleets or ()),
        cache_use=caches or choice.caches(request),
        wanted_by=choice.name,
    )
    return decide(ask, deps.strategies, choice)


async def past_caches(job: Job, tx: Tx, deps: Deps) -> Decision | None:
    """How a copy that no cache can stage goes in one hop; None where it can't."""
    request = job.copy.request
    decision = await decided(request, tx, deps, caches=CacheUse.WHEN_REQUIRED)
    one = len(decision.plan.hops) == 1 and not decision.plan.hops[0].destination_is_cache
    return decision if one else None


async def _agents(request: CopyRequested, tx: Tx, deps: Deps) -> tuple[AgentView, ...]:
    """Agents that may come back in time count: a restart is no reason to refuse a copy."""
    patience = deps.rules.limits.host_return_seconds
    rows = await tx.rows("planning_agents", patience, _zones(request))
    return tuple(
        AgentView(
            host_id=row["host_id"],
            location=_location(row["location"]),
            abilities=_abilities(row["abilities"]),
            running=row["running"],
        )
        for row in rows
    )


def _zones(request: CopyRequested) -> list[Id] | None:
    """Where agents that reach the destination stand, and those that reach a source of a zone;
    None for everywhere."""
    source, destination = request.source.scope.zone_id, request.destination.scope.zone_id
    if destination is None:
        return None
    return [destination, *([source] if source else [])]


@lru_cache(maxsize=4096)
def _abilities(text: str) -> HostAbilities:
    """Parsed once per declaration: every plan looks at every agent."""
    return HostAbilities.model_validate_json(text)


@lru_cache(maxsize=4096)
def _location(text: str) -> Location:
    return Location.model_validate_json(text)
