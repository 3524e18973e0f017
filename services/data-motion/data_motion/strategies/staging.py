"""Where a copy can be staged: cache stores there are, and fleets that bring some when wanted."""

from dataclasses import dataclass

from stowage_contracts.caching import CacheFleetView
from stowage_contracts.plugins.data_motion_strategy import AgentView, Answer, MotionAsk
from stowage_contracts.values import Location, Scope, StoreState
from stowage_contracts.views import StoreView

from data_motion.model.reach import lacks_to_read, who
from data_motion.strategies.ends import no

VM_SCHEME = "nfs"
"""What transport VMs serve."""


@dataclass(frozen=True)
class Reader:
    """Who is to read a cache, or only where it is to be read."""

    location: Location
    name: str
    agent: AgentView | None = None


@dataclass(frozen=True)
class Place:
    """A cache store, or a fleet whose next transport VM will be one."""

    name: str
    """In words an operator knows."""
    scope: Scope
    comes: bool = False
    """Not there yet: a transport VM is started for whoever waits."""


def at(agent: AgentView) -> Reader:
    """An agent that is to read."""
    return Reader(agent.location, who(agent), agent)


def caches_around(ask: MotionAsk, reader: Reader) -> list[Place]:
    """Usable cache stores around the reader, then fleets; which has room is the cache-autoscaler's
    to say."""
    near = sorted((c for c in ask.caches if c.scope.covers(reader.location)), key=_by_id)
    usable = [c for c in near if c.state.writable]
    broken = [c for c in near if c.state is StoreState.DEGRADED]
    return [
        *(Place(f"cache store {cache.id}", cache.scope) for cache in usable),
        *_fleets(ask, reader),
        *(Place(f"cache store {cache.id}, once it is mended", cache.scope) for cache in broken),
    ]


def filler_of(ask: MotionAsk, cache: Place) -> AgentView | None:
    """The first agent in the cache's scope that reads the source."""
    able = [
        agent
        for agent in ask.agents
        if not lacks_to_read(agent, ask.request.source)
        and cache.scope.covers(agent.location)
        and (not cache.comes or VM_SCHEME in agent.abilities.writes)
    ]
    return min(able, key=lambda agent: agent.host_id, default=None)


def nobody_fills(ask: MotionAsk, cache: Place) -> Answer:
    """What it says when a cache is near, and nobody can bring the bytes there."""
    schemes = "/".join(ask.request.source.schemes)
    return no(
        f"no agent in the scope of {cache.name} reads {schemes}",
        f"an agent that reads {schemes} and writes to {cache.name}",
    )


def _fleets(ask: MotionAsk, reader: Reader) -> list[Place]:
    if reader.agent is not None and VM_SCHEME not in reader.agent.abilities.reads:
        return []
    able = (fleet for fleet in ask.fleets if fleet.maximum > 0 and not fleet.removing)
    return [
        Place(f"a transport VM of fleet {fleet.name}", fleet.scope, comes=True)
        for fleet in sorted(able, key=_by_id)
        if fleet.scope.covers(reader.location)
    ]


def _by_id(one: CacheFleetView | StoreView) -> str:
    return one.id
