"""What goes wrong in a simulated cloud, by chance, until it stops."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cache_autoscaler.vms import degrade, drop_store
from stowage_contracts.errors import Unavailable
from stowage_contracts.messages.cache_autoscaler import CacheAdded
from stowage_contracts.values import ServiceName

from tests.simulator.agents import Agent
from tests.simulator.bus import Faults
from tests.simulator.scenery import OWNERS
from tests.simulator.service import Host
from tests.simulator.world import World

STORMY = 120.0
"""Virtual seconds in which things break."""


@dataclass
class Weather:
    """Breaks things; ``clear`` mends everything."""

    world: World
    gone: set[str] = field(default_factory=set)
    """Hosts that do not come back before everything else has ended."""

    def begin(self) -> None:
        """Choose how bad it is, and when what breaks."""
        random = self.world.kernel.random
        kind = random.random()
        if kind < 0.9:
            self.world.bus.faults = Faults(
                repeats=random.choice((0.0, 0.05, 0.3)),
                late=random.choice((0.0, 0.02, 0.1)),
                lost=random.choice((0.0, 0.05, 0.3)),
            )
        acts = (
            self._kill_service,
            self._kill_agent,
            self._lose_agent,
            self._freeze_agent,
            self._freeze_agent,
            self._freeze_service,
            self._cut_bus,
            self._store_trouble,
            self._store_trouble,
            self._jump,
            self._lose_leases,
            self._kill_cache,
            self._kill_cache,
        )
        for _ in range(random.randrange(0, 14)):
            self.world.kernel.at(random.random() * STORMY, random.choice(acts))

    def clear(self) -> None:
        """From now on it is a quiet day."""
        world = self.world
        world.kernel.note("THE WEATHER CLEARS")
        world.bus.faults, world.bus.up = Faults(), True
        for host in world.services.values():
            host.node.frozen_until = 0.0
            host.restart()
        for agent in world.agents.values():
            agent.node.frozen_until = 0.0
            if agent.host_id not in self.gone:
                agent.restart()
        for store in world.stores.values():
            store.mend()

    def revive(self) -> None:
        """Hosts come back that were believed lost."""
        for host_id in sorted(self.gone):
            self.world.agents[host_id].restart()

    def _later(self, least: float, most: float, act: Callable[[], None]) -> float:
        seconds = least + self.world.kernel.random.random() * (most - least)
        self.world.kernel.at(seconds, act)
        return seconds

    def _service(self) -> Host:
        return self.world.services[self.world.kernel.random.choice(OWNERS)]

    def _kill_service(self) -> None:
        host = self._service()
        if host.node.up:
            host.kill()
            self._later(0.5, 40, host.restart)

    def _freeze_service(self) -> None:
        host = self._service()
        seconds = 1 + self.world.kernel.random.random() * 39
        self.world.kernel.note(f"FREEZE {host.node.name} for {seconds:.0f} s")
        host.node.frozen_until = self.world.kernel.now + seconds

    def _kill_agent(self) -> None:
        agent = self.world.kernel.random.choice(list(self.world.agents.values()))
        if agent.node.up:
            agent.kill()
            self._later(1, 120, lambda: self._return(agent))

    def _return(self, agent: Agent) -> None:
        if agent.host_id not in self.gone:
            agent.restart()

    def _lose_agent(self) -> None:
        """Its plug is pulled."""
        agent = self.world.kernel.random.choice(list(self.world.agents.values()))
        if not self.gone:
            self.gone.add(agent.host_id)
            agent.kill()

    def _freeze_agent(self) -> None:
        agent = self.world.kernel.random.choice(list(self.world.agents.values()))
        agent.freeze(5 + self.world.kernel.random.random() * 85)

    def _kill_cache(self) -> None:
        """A transport VM dies under its copies; its owner hears of it some time, and starts
        another."""
        world = self.world
        live = [s for s in world.stores.values() if s.id.startswith("cache") and not s.dead]
        if not live:
            return
        store = world.kernel.random.choice(live)
        world.kernel.note(f"CACHE {store.id} dies")
        store.die()
        heard = self._later(0.5, 40, lambda: self._of_cache(lambda tx: _degraded(tx, store.id)))
        self._later(heard, 80, lambda: self._of_cache(lambda tx: drop_store(tx, store.id)))
        self._later(1, 90, lambda: self._of_cache(lambda tx: _added(tx, world)))

    def _of_cache(self, work: Callable[[Any], Any]) -> None:
        """Something cache-autoscaler does, as soon as it runs."""
        host = self.world.services[ServiceName.CACHE_AUTOSCALER]
        if host.node.up:
            host.transact(work)
        else:
            self._later(1, 1, lambda: self._of_cache(work))

    def _cut_bus(self) -> None:
        bus = self.world.bus
        bus.up = False
        self.world.kernel.note("BUS DOWN")
        self._later(1, 60, lambda: setattr(bus, "up", True))

    def _store_trouble(self) -> None:
        random = self.world.kernel.random
        store = random.choice(list(self.world.stores.values()))
        until = self.world.kernel.now + 1 + random.random() * 60
        trouble = store.trouble
        name = random.choice(("away", "full", "stuck", "lost_replies", "lies", "flips"))
        value = {"lost_replies": 0.3, "lies": 1, "flips": 1}.get(name, until)
        setattr(trouble, name, value)
        self.world.kernel.note(f"TROUBLE {store.id} {name} {value:.2f}")

    def _jump(self) -> None:
        host = self._service()
        jump = self.world.kernel.random.choice((-30.0, -3.0, 15.0, 120.0))
        host.shift += jump
        host.wake()
        self.world.kernel.note(f"CLOCK of {host.node.name} jumps {jump:+.0f} s")

    def _lose_leases(self) -> None:
        """Workers of intents are believed dead while they work: two do the same."""
        for host in self.world.services.values():
            for intent in host.tables.intents.values():
                intent.leased_until = None
            host.wake()
        self.world.kernel.note("LEASES of intents lapse")


async def _degraded(tx: Any, store_id: str) -> None:
    """As a VM ends: what it held is lost, and nothing is asked of it."""
    await tx.run("drop_entries_of", store_id)
    await degrade(tx, store_id, Unavailable("its transport VM ends", code="vm"))


async def _added(tx: Any, world: World) -> None:
    """Another VM serves."""
    await tx.say(CacheAdded(state=world.add_cache()))
