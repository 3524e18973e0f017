"""Which agent takes a hop, if one can now; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from stowage_contracts.errors import NoStrategy, Problem
from stowage_contracts.plugins.data_motion_strategy import AgentView
from stowage_contracts.plugins.endpoint_selector import EndpointAsk, EndpointSelector
from stowage_contracts.values import CopyEnd, Location, StoreState

from data_motion.model.leases import Held, Placed
from data_motion.model.limits import Limits
from data_motion.model.reach import lacks_to_do, who
from data_motion.records import AgentRecord, CopyRecord, HopRecord, StoreRecord

_UNWRITABLE = frozenset({StoreState.DEGRADED, StoreState.DISABLED, StoreState.REMOVED})
_UNREADABLE = frozenset({StoreState.DISABLED, StoreState.REMOVED})
_LEFT = _UNWRITABLE
"""Caches in these states are left for others; in a store they are waited for."""
SPARED_FROM = 4
"""With fewer slots one is too much to leave unused: there a hop must yield first."""


def spared(slots: int, priority: int) -> int:
    """How many of so many slots a copy of that priority leaves to those that matter more."""
    return 1 if priority < 0 and slots >= SPARED_FROM else 0


@dataclass
class Fleet:
    """Agents, stores and the slots in use; ``used`` grows while hops are placed."""

    agents: tuple[AgentRecord, ...]
    stores: Mapping[str, StoreRecord]
    used: dict[str, int]
    now: datetime

    def up(self, agent: AgentRecord, limits: Limits) -> bool:
        """Whether the agent was heard lately."""
        return (self.now - agent.seen).total_seconds() < limits.silent_seconds

    def full(self, slot: str, limits: Limits, priority: int = 0) -> bool:
        """Whether a copy of that priority finds none free; one is spared from backups."""
        kind, _, name = slot.partition(":")
        if kind == "host":
            slots = next((a.abilities.slots for a in self.agents if a.host_id == name), 0)
        else:
            slots = limits.slots_of(kind)
        return self.used.get(slot, 0) >= slots - spared(slots, priority)

    def take(self, slots: tuple[str, ...]) -> None:
        """These slots are used from now on."""
        for slot in slots:
            self.used[slot] = self.used.get(slot, 0) + 1

    def location(self, host_id: str) -> Location:
        """Where a host stands; nowhere, where a store does without one."""
        found = (agent.location for agent in self.agents if agent.host_id == host_id)
        return next(found, Location())

    def view(self, agent: AgentRecord) -> AgentView:
        """The agent as plug-ins see it."""
        return AgentView(
            host_id=agent.host_id,
            location=agent.location,
            abilities=agent.abilities,
            running=self.used.get(f"host:{agent.host_id}", 0),
        )


@dataclass(frozen=True)
class Placer:
    """Gives hops to agents: able, up, free, in that order; the selector decides among them."""

    selector: EndpointSelector
    limits: Limits

    def place(self, hop: HopRecord, copy: CopyRecord, fleet: Fleet) -> Placed | Held | Problem:
        """The agent and its slots; or what is waited for; or why no agent ever can."""
        if hop.by_store:
            return self._by_store(hop, copy, fleet)
        able = [agent for agent in fleet.agents if fits(hop, fleet.view(agent))]
        if not able:
            return _nobody(hop, fleet)
        cache = _lost_cache(hop, fleet)
        broken = cache or _broken_store(hop, fleet)
        if broken:
            return Held(broken, strayed=bool(cache))
        serving = [agent for agent in able if not agent.draining]
        if not serving:
            return Held(_drained(able), patient=True)
        up = [agent for agent in serving if fleet.up(agent, self.limits)]
        if not up:
            return Held(_silent(serving), unreachable=True)
        shared = (f"account:{copy.account_id}", *_store_slots(hop))
        full = self._first_full(shared, copy, fleet)
        if full:
            return Held(f"a slot {_named(full)}", blocked_on=(full,))
        free = [agent for agent in up if not self._full(agent, copy, fleet)]
        if not free:
            all_full = tuple(self._full(agent, copy, fleet) for agent in up)
            return Held(f"a slot {' or '.join(map(_named, all_full[:3]))}", blocked_on=all_full)
        chosen = self._choose(hop, _narrowed(hop, copy.request.location, free), fleet)
        return replace(chosen, slots=(*chosen.slots, *shared))

    def _by_store(self, hop: HopRecord, copy: CopyRecord, fleet: Fleet) -> Placed | Held:
        """No agent is needed; the stores are kept busy all the same."""
        broken = _broken_store(hop, fleet)
        if broken:
            return Held(broken)
        slots = _store_slots(hop)
        full = self._first_full(slots, copy, fleet)
        if full:
            return Held(f"a slot on {full.replace(':', ' ', 1)}", blocked_on=(full,))
        return Placed("", "", "", slots)

    def _choose(self, hop: HopRecord, among: list[AgentRecord], fleet: Fleet) -> Placed:
        views = tuple(fleet.view(agent) for agent in among)
        choice = self.selector.select(
            EndpointAsk(source=hop.source, destination=hop.destination, able=views)
        )
        chosen = next(agent for agent in among if agent.host_id == choice.host_id)
        return Placed(chosen.host_id, chosen.boot_id, choice.reason, _agent_slots(chosen))

    def _full(self, agent: AgentRecord, copy: CopyRecord, fleet: Fleet) -> str:
        """The first of an agent's slots that none is free of; '' when it can take a hop."""
        return self._first_full(_agent_slots(agent), copy, fleet)

    def _first_full(self, slots: tuple[str, ...], copy: CopyRecord, fleet: Fleet) -> str:
        return next((s for s in slots if fleet.full(s, self.limits, copy.priority)), "")


def fits(hop: HopRecord, agent: AgentView) -> bool:
    """Whether an agent can carry a hop at all."""
    if agent.host_id in hop.excluded or hop.must_run_on not in (None, agent.host_id):
        return False
    return not lacks_to_do(hop.method, agent, hop.source, hop.destination)


def _narrowed(hop: HopRecord, near: Location, free: list[AgentRecord]) -> list[AgentRecord]:
    """The host it was on if that restarted, else whoever did not lose it, best in its zone."""
    own = [agent for agent in free if agent.host_id == hop.preferred]
    if own:
        return own
    fresh = [agent for agent in free if agent.host_id not in hop.avoided] or free
    same = [agent for agent in fresh if near.zone_id in (None, agent.location.zone_id)]
    return same or fresh


def _nobody(hop: HopRecord, fleet: Fleet) -> Problem:
    if hop.error is not None:
        return hop.error
    views = [fleet.view(agent) for agent in fleet.agents]
    ends = hop.source, hop.destination
    told = [f"{who(a)} {lacks_to_do(hop.method, a, *ends)}" for a in views[:3]]
    return NoStrategy(
        f"no agent can carry hop {hop.ordinal + 1}: {'; '.join(told) or 'none has joined'}",
        resource=f"hop/{hop.id}",
        hint="add an agent that sees both ends",
        code="agent",
    ).problem


def _broken_store(hop: HopRecord, fleet: Fleet) -> str:
    for end, bad in ((hop.destination, _UNWRITABLE), (hop.source, _UNREADABLE)):
        known = fleet.stores.get(end.store_id or "")
        if known is not None and known.view.state in bad:
            return f"store {end.store_id}, which is {known.view.state}"
    return ""


def _lost_cache(hop: HopRecord, fleet: Fleet) -> str:
    """Why the cache at one of its ends is not to be used; one that drains takes nothing new, and
    serves what it holds."""
    new = {StoreState.DRAINING} if hop.host_id is None else set()
    if hop.fills and (why := _bad(fleet, hop.destination, _LEFT | new)):
        return why
    return _bad(fleet, hop.source, _LEFT) if hop.reads_cache else ""


def _bad(fleet: Fleet, end: CopyEnd, states: frozenset[StoreState]) -> str:
    known = fleet.stores.get(end.store_id or "")
    if known is None or known.view.state not in states:
        return ""
    return f"cache store {known.view.name}, which is {known.view.state}"


def _silent(able: list[AgentRecord]) -> str:
    names = ", ".join(agent.host_id for agent in able[:3])
    return f"the agent of host {names}, which is silent"


def _drained(able: list[AgentRecord]) -> str:
    named = ", ".join(f"{agent.host_id} ({agent.draining})" for agent in able[:3])
    return f"the end of the drain of host {named}"


def _agent_slots(agent: AgentRecord) -> tuple[str, ...]:
    zone = agent.location.zone_id
    return (f"host:{agent.host_id}", *((f"zone:{zone}",) if zone else ()))


def _store_slots(hop: HopRecord) -> tuple[str, ...]:
    ends = (hop.destination,) if hop.fed_by else (hop.source, hop.destination)
    ids = dict.fromkeys(end.store_id for end in ends if end.store_id)
    return tuple(f"store:{store_id}" for store_id in ids)


def _named(slot: str) -> str:
    kind, _, name = slot.partition(":")
    return f"{'of' if kind == 'account' else 'on'} {kind} {name}"
