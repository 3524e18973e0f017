"""The agent itself: it joins, lives, and tells what it saw."""

from stowage_contracts.hosts import HostAbilities, PoolView
from stowage_contracts.messages.hypervisor_agent.words import Command, Report, Signal
from stowage_contracts.values import Id, Location
from stowage_contracts.views import CacheLoad


class ListHops(Command, subject="host/{host_id}"):
    """Tell a joining agent which hops are alive on it; it deletes other debris."""

    host_id: Id
    live: tuple[Id, ...]


class HostJoined(Report, subject="host/{host_id}"):
    """An agent started or reconnected."""

    name: str
    location: Location
    abilities: HostAbilities
    pools: tuple[PoolView, ...] = ()
    boot_id: Id
    """New at each start of the agent: tells a restart from a reconnect."""


class Heartbeat(Signal, subject="host/{host_id}"):
    """The agent lives; every five seconds."""

    boot_id: Id
    pools: tuple[PoolView, ...] = ()
    running: tuple[Id, ...] = ()
    """Hops it is moving."""


class CacheLoadReported(Signal, subject="host/{host_id}"):
    """What an agent saw of the caches it used."""

    loads: tuple[CacheLoad, ...]
