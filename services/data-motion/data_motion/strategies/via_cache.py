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
from stowage_contracts.values import CacheUse, EndKind, StoreRole

from data_motion.model.reach import lacks_to_convert, lacks_to_read, lacks_to_write, who
from data_motion.strategies.direct import carriers
from data_motion.strategies.ends import host_of, is_install, no, prefetched
from data_motion.strategies.staging import Place, Reader, at, caches_around, filler_of, nobody_fills


@dataclass(frozen=True)
class _Way:
    reader: Reader
    cache: Place
    filler: AgentView


class ViaCacheStrategy:
    """Two hops that meet in a cache store; where no agent can do it in one, or always."""

    name = "via-cache"

    def can_handle(self, ask: MotionAsk) -> Answer:
        """Able when a cache lies, or comes to lie, between an agent that reads and one that
        writes."""
        found = _way(ask)
        if isinstance(found, Answer):
            return found
        told = f"{who(found.filler)} fills {found.cache.name}"
        if found.reader.agent is not None:
            told += f", {found.reader.name} reads it"
        if _always(ask) and carriers(ask):
            wish = f"; one hop would do, but {_whose(ask)} wants caches always"
            return Answer(priority=Priority.HYPERVISOR, reason=told + wish)
        return Answer(priority=Priority.DEFAULT, reason=told)

    def plan(self, ask: MotionAsk) -> MotionPlan:
        """Fill the cache, then read it on the host that sees the destination."""
        fill = HopLeg(destination_is_cache=True, must_run_on=host_of(ask.request.source))
        if prefetched(ask.request):
            return MotionPlan(hops=(fill,))
        read = HopLeg(source_is_cache=True, must_run_on=host_of(ask.request.destination))
        return MotionPlan(hops=(fill, read))


def _way(ask: MotionAsk) -> _Way | Answer:
    if why := is_install(ask.request) or _not_needed(ask):
        return no(why)
    request = ask.request
    if request.source.kind is EndKind.URL or request.size is None or request.digest is None:
        return no("a cache stages only registered objects, whose size and digest are known")
    if ask.cache_use is CacheUse.NEVER:
        return no(f"{_whose(ask)} never uses caches", f"another use of caches by {_whose(ask)}")
    readers = _readers(ask)
    if not readers:
        return no("no agent writes to the destination", "an agent that sees the destination")
    pairs = [(reader, cache) for reader in readers for cache in caches_around(ask, reader)]
    if not pairs:
        return _no_cache(ask, readers[0])
    for reader, cache in pairs:
        filler = filler_of(ask, cache)
        if filler is not None:
            return _Way(reader, cache, filler)
    return nobody_fills(ask, pairs[0][1])


def _not_needed(ask: MotionAsk) -> str:
    """Why it goes past every cache though one may lie between; '' when a cache is wanted."""
    if prefetched(ask.request) or not carriers(ask):
        return ""
    if ask.cache_use is not CacheUse.ALWAYS:
        return "not needed: an agent moves it in one hop"
    if not _always(ask):
        return (
            f"not needed: an agent moves it in one hop; {_whose(ask)} wants caches always, which "
            "holds for copies from image stores to hosts"
        )
    return ""


def _always(ask: MotionAsk) -> bool:
    """Whether it is a copy others may want again, and caches are wanted for those."""
    ends = ask.request.source.role, ask.request.destination.role
    return ask.cache_use is CacheUse.ALWAYS and ends == (StoreRole.IMAGE, StoreRole.PRIMARY)


def _whose(ask: MotionAsk) -> str:
    return ask.wanted_by or "the operator"


def _readers(ask: MotionAsk) -> list[Reader]:
    """Agents that can write the destination; a prefetch has none yet, only a place."""
    source, destination = ask.request.source, ask.request.destination
    if prefetched(ask.request):
        return [Reader(ask.request.location, f"{destination.scope.type} {destination.scope.id}")]
    able = [
        agent
        for agent in ask.agents
        if not lacks_to_write(agent, destination)
        and not lacks_to_convert(agent, source, destination)
    ]
    return [at(agent) for agent in sorted(able, key=lambda agent: agent.host_id)]


def _no_cache(ask: MotionAsk, reader: Reader) -> Answer:
    if reader.agent is None:
        name = f"{reader.name} has no usable cache store and no fleet of transport VMs"
        return no(name, f"a cache store or a fleet for {reader.name}")
    lack = lacks_to_read(reader.agent, ask.request.source)
    return no(
        f"no usable cache store covers {reader.name}",
        f"{reader.name} {lack or 'cannot reach the source'}: needs a cache store in its scope",
    )
