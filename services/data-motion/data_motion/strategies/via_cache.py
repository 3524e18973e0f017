"""The via-cache strategy: for hosts that can't reach the source, through a cache they can read."""

from dataclasses import dataclass

from stowage_contracts.plugins.data_motion_strategy import (
    AgentView,
    Answer,
    HopLeg,
    MotionAsk,
    MotionPlan,
    Priority,
)
from stowage_contracts.values import EndKind
from stowage_contracts.views import StoreView

from data_motion.model.reach import lacks_to_convert, lacks_to_read, lacks_to_write, who
from data_motion.strategies.direct import carriers
from data_motion.strategies.ends import host_of, is_install, no


@dataclass(frozen=True)
class _Way:
    reader: AgentView
    cache: StoreView
    filler: AgentView


class ViaCacheStrategy:
    """Two hops that meet in a cache store; only where no agent can do it in one."""

    name = "via-cache"

    def can_handle(self, ask: MotionAsk) -> Answer:
        """Able when a cache lies between an agent that reads and one that writes."""
        found = _way(ask)
        if isinstance(found, Answer):
            return found
        return Answer(
            priority=Priority.DEFAULT,
            reason=f"{who(found.filler)} fills cache store {found.cache.id}, "
            f"{who(found.reader)} reads it",
        )

    def plan(self, ask: MotionAsk) -> MotionPlan:
        """Fill the cache, then read it on the host that sees the destination."""
        return MotionPlan(
            hops=(
                HopLeg(destination_is_cache=True, must_run_on=host_of(ask.request.source)),
                HopLeg(source_is_cache=True, must_run_on=host_of(ask.request.destination)),
            )
        )


def _way(ask: MotionAsk) -> _Way | Answer:
    if why := is_install(ask.request):
        return no(why)
    if carriers(ask):
        return no("not needed: an agent moves it in one hop")
    request = ask.request
    if request.source.kind is EndKind.URL or request.size is None or request.digest is None:
        return no("a cache stages only registered objects, whose size and digest are known")
    readers = _readers(ask)
    if not readers:
        return no("no agent writes to the destination", "an agent that sees the destination")
    pairs = [(reader, cache) for reader in readers for cache in _caches(ask, reader)]
    if not pairs:
        return _no_cache(ask, readers[0])
    for reader, cache in pairs:
        filler = _filler(ask, cache)
        if filler is not None:
            return _Way(reader, cache, filler)
    schemes = "/".join(request.source.schemes)
    return no(
        f"no agent in the scope of cache store {pairs[0][1].id} reads {schemes}",
        f"an agent that reads {schemes} and writes to cache store {pairs[0][1].id}",
    )


def _readers(ask: MotionAsk) -> list[AgentView]:
    source, destination = ask.request.source, ask.request.destination
    able = [
        agent
        for agent in ask.agents
        if not lacks_to_write(agent, destination)
        and not lacks_to_convert(agent, source, destination)
    ]
    return sorted(able, key=lambda agent: agent.host_id)


def _caches(ask: MotionAsk, reader: AgentView) -> list[StoreView]:
    """Usable cache stores around the reader; which has room is the cache-autoscaler's to say."""
    usable = [c for c in ask.caches if c.state.writable and c.scope.covers(reader.location)]
    return sorted(usable, key=lambda cache: cache.id)


def _filler(ask: MotionAsk, cache: StoreView) -> AgentView | None:
    able = [
        agent
        for agent in ask.agents
        if not lacks_to_read(agent, ask.request.source) and cache.scope.covers(agent.location)
    ]
    return min(able, key=lambda agent: agent.host_id, default=None)


def _no_cache(ask: MotionAsk, reader: AgentView) -> Answer:
    lack = lacks_to_read(reader, ask.request.source)
    return no(
        f"no usable cache store covers {who(reader)}",
        f"{who(reader)} {lack or 'cannot reach the source'}: needs a cache store in its scope",
    )
