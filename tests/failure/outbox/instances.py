"""What the outbox tests start and break: instances of one service, and a reader that listens."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field

from stowage_contracts.envelope import Envelope
from stowage_contracts.messages.image_store import PodAdded, ZoneAdded
from stowage_contracts.topology import address
from stowage_contracts.views import PodView, ZoneView
from stowage_runtime.bus import Bus, Reader
from stowage_runtime.database import Database
from stowage_runtime.database.leader import Leader
from stowage_runtime.database.wakes import Wakes
from stowage_runtime.handling.transaction import Transactions
from stowage_runtime.loops import Loops
from stowage_runtime.outbox.relay import Relay, RelayLimits

from tests.unit.runtime.toy import NAME, PACKAGE

READER = Reader("data-motion", durable=(ZoneAdded, PodAdded))
OTHER = address("cache-autoscaler")
QUICK = RelayLimits(poll_seconds=0.2, refused_seconds=(0.1, 0.5))


class Ear:
    """A reader of the toy's events that remembers what it was told."""

    def __init__(self) -> None:
        self.heard: list[Envelope] = []

    async def deliver(self, envelope: Envelope) -> None:
        self.heard.append(envelope)

    @property
    def ids(self) -> set[str]:
        return {envelope.id for envelope in self.heard}

    def firsts(self) -> dict[str, list[int]]:
        """Sequences of each subject in the order they were first heard."""
        order: dict[str, list[int]] = defaultdict(list)
        for envelope in self.heard:
            if envelope.sequence not in order[envelope.subject]:
                order[envelope.subject].append(envelope.sequence)
        return dict(order)


@dataclass
class Instance:
    """One process's worth of a service that only relays."""

    database: Database
    bus: Bus
    limits: RelayLimits = QUICK
    loops: Loops = field(default_factory=Loops)

    @classmethod
    async def start(cls, url: str, bus: Bus, limits: RelayLimits = QUICK) -> "Instance":
        database = await Database.open(url, "toy", PACKAGE)
        await database.migrate()
        instance = cls(database, bus, limits)
        instance.run()
        return instance

    def run(self) -> None:
        wakes, self.leader = Wakes(self.database), Leader(self.database)
        self.transactions = Transactions(NAME, self.database, self.bus, wakes)
        self.relay = Relay(self.transactions, self.leader, limits=self.limits)
        for name, loop in (("wakes", wakes), ("leader", self.leader), ("relay", self.relay)):
            self.loops.start(name, loop)

    async def say(self, zone: str, count: int = 1) -> None:
        """Commit ``count`` transactions that each say one event about the zone."""
        for number in range(count):
            async with self.transactions.begin() as tx:
                await tx.say(ZoneAdded(state=ZoneView(id=zone, name=str(number))))

    async def say_at_once(self, zones: int, each: int) -> None:
        """As many events, from one writer for each zone."""
        await asyncio.gather(*(self.say(f"z{number}", each) for number in range(zones)))

    async def left(self) -> int:
        return len(await self.database.fetch("runtime.said"))

    async def empty(self) -> bool:
        return await self.left() == 0

    async def stop(self) -> None:
        """As SIGTERM does."""
        for name in ("relay", "leader", "wakes"):
            await self.loops.stop(name, 5)
        await self.database.close()

    async def crash(self) -> None:
        """As SIGKILL does: nothing is finished, connections just end."""
        for name in ("relay", "leader", "wakes"):
            await self.loops.stop(name, 0)
        await self.database.close()


def pod_added(pod: str) -> PodAdded:
    return PodAdded(state=PodView(id=pod, name=pod, zone_id="z"))
