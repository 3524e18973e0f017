"""The agent: joins, says it lives, does what its queue says, stops where a journal stands."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog
from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import StowageError
from stowage_contracts.hosts import HostAbilities
from stowage_contracts.messages.hypervisor_agent import CacheLoadReported, Heartbeat, HostJoined
from stowage_contracts.values import new_id
from stowage_runtime.bus import Bus, Reader

from hypervisor_agent import handlers
from hypervisor_agent.deps import Deps
from hypervisor_agent.identity import Identity
from hypervisor_agent.links.server import Door

log = structlog.get_logger(__name__)


class Agent:
    """One host's agent on a bus that belongs to the caller."""

    def __init__(
        self,
        identity: Identity,
        deps: Deps,
        heartbeat_seconds: float = 5.0,
        door: Door | None = None,
    ) -> None:
        self.identity, self.deps, self.door = identity, deps, door
        self.reader = Reader(f"agent.{identity.host_id}", durable=tuple(handlers.HANDLERS))
        self._boot_id = new_id()
        self._beat_seconds = heartbeat_seconds
        self._loops: list[asyncio.Task[None]] = []

    def _works(self) -> dict[str, Callable[[], Coroutine[Any, Any, None]]]:
        looks = self.deps.vms.watch
        return {"listen": self._listen, "join": self._join, "beat": self._beat, "vms": looks}

    @property
    def bus(self) -> Bus:
        """What it listens on."""
        return self.deps.line.bus

    @property
    def ended(self) -> tuple[str, ...]:
        """Loops that should run and don't."""
        return tuple(loop.get_name() for loop in self._loops if loop.done())

    async def start(self) -> None:
        """Begin to listen, join and beat; returns at once also while the broker is away. Raises
        Conflict when its door's address is taken."""
        if self.door:
            await self.door.start()
        for name, loop in self._works().items():
            self._loops.append(asyncio.create_task(loop(), name=name))

    async def stop(self, seconds: float = 20.0) -> None:
        """Take nothing new, stop hops at their journals and hand them back, within ``seconds``."""
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        self._loops.clear()
        if self.door:
            await self.door.stop()
        await self.bus.pause()
        await self.deps.readings.stop(0)
        await self.deps.chores.stop(seconds / 4)
        await self.deps.vms.stop(seconds / 8)
        try:
            async with asyncio.timeout(seconds / 2):
                await self.deps.hops.stop()
        except TimeoutError:
            log.warning("agent.stopped_late", running=self.deps.hops.running)
        self.deps.tools.feeds.close()
        self.deps.tools.threads.close()

    async def _listen(self) -> None:
        await self._until_done(lambda: self.bus.listen(self.reader, self._deliver))
        await asyncio.Event().wait()

    async def _until_done(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                return await work()
            except StowageError as error:
                log.warning("agent.waits", code=error.code, cause=error.cause)
                await asyncio.sleep(1)

    async def _deliver(self, envelope: Envelope) -> None:
        await handlers.handle(envelope, self.deps)

    async def _join(self) -> None:
        """Say HostJoined at the start and after every time the broker was away."""
        while True:
            hypervisor = self.deps.hypervisor
            joined = HostJoined(
                host_id=self.identity.host_id,
                name=self.identity.name,
                location=self.identity.location,
                abilities=await self._abilities(),
                pools=await hypervisor.pools(),
                boot_id=self._boot_id,
            )
            await self.deps.line.say(joined)
            log.info("agent.joined", host=self.identity.host_id)
            await self._while_connected(True)
            await self._while_connected(False)

    async def _abilities(self) -> HostAbilities:
        abilities = await self.deps.hypervisor.abilities()
        machines = await self.deps.vms.abilities()
        door = self.door.url if self.door else ""
        return abilities.model_copy(update={"door": door, "machines": machines})

    async def _while_connected(self, connected: bool) -> None:
        while self.bus.connected is connected:  # noqa: ASYNC110 - a bus has no event for it
            await asyncio.sleep(self._beat_seconds / 5)

    async def _beat(self) -> None:
        while True:
            pools = await self.deps.hypervisor.pools()
            beat = Heartbeat(
                host_id=self.identity.host_id,
                boot_id=self._boot_id,
                pools=pools,
                running=self.deps.hops.running,
            )
            await self.deps.line.signal(beat)
            if loads := self.deps.load.report():
                said = CacheLoadReported(host_id=self.identity.host_id, loads=loads)
                await self.deps.line.signal(said)
            if vms := self.deps.vms.seen(self._boot_id):
                await self.deps.line.signal(vms)
            await asyncio.sleep(self._beat_seconds)
