"""What is true now, put to the strategies."""

from functools import lru_cache

from stowage_contracts.hosts import HostAbilities
from stowage_contracts.messages.image_store import CopyRequested
from stowage_contracts.plugins.data_motion_strategy import AgentView, MotionAsk
from stowage_contracts.values import Id, Location
from stowage_contracts.views import StoreView
from stowage_runtime.handling.tx import Tx

from data_motion.deps import Deps
from data_motion.model.plan import Decision, decide
from data_motion.model.policy import Choice, zone_of
from data_motion.records import PolicyRecord


async def decided(request: CopyRequested, tx: Tx, deps: Deps) -> Decision:
    """What the strategies make of a copy, with today's agents, caches and policy."""
    rest = await tx.row("planning_rest", zone_of(request))
    caches, policy = rest or (None, None)
    ask = MotionAsk(
        request=request,
        agents=await _agents(request, tx, deps),
        caches=tuple(StoreView.model_validate(cache) for cache in caches or ()),
    )
    choice = Choice(PolicyRecord.model_validate(policy) if policy else None)
    return decide(ask, deps.strategies, choice)


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
