"""One service's runtime on a real database, with loops that tests start and stop."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest
from stowage_runtime.database import Database
from stowage_runtime.database.leader import Leader
from stowage_runtime.database.wakes import Wakes
from stowage_runtime.handling.transaction import Transactions
from stowage_runtime.intents import IntentWorkers
from stowage_runtime.loops import Loop, Loops
from stowage_runtime.service import Service
from stowage_runtime.testing import BenchBus
from stowage_runtime.timers import Timers

from tests.unit.runtime.toy import NAME, PACKAGE, World, toy


@dataclass
class Instance:
    """The parts of one running instance; each loop is started by the test that needs it."""

    service: Service[World]
    database: Database
    loops: Loops

    def __post_init__(self) -> None:
        self.wakes, self.leader = Wakes(self.database), Leader(self.database)
        self.transactions = Transactions(NAME, self.database, BenchBus(), self.wakes)
        self.names: list[str] = []

    def work(self, lease_seconds: float = 30) -> IntentWorkers[World]:
        workers = IntentWorkers(self.service, self.transactions, lease_seconds)
        self.start("intents", workers)
        return workers

    def keep_time(self) -> None:
        self.start("timers", Timers(self.service, self.transactions, self.leader))

    def start(self, name: str, loop: Loop) -> None:
        self.names.append(name)
        self.loops.start(name, loop)

    async def stop(self, seconds: float = 5) -> None:
        for name in self.names:
            await self.loops.stop(name, seconds)
        self.names = []
        await self.database.close()


Make = Callable[..., Awaitable[Instance]]


@pytest.fixture
async def make(database_url: str) -> AsyncIterator[Make]:
    """Makes instances of the toy service on one database."""
    made: list[Instance] = []

    async def make(world: World | None = None, *, url: str = "", seconds: float = 3600) -> Instance:
        database = await Database.open(url or database_url, "toy", PACKAGE)
        await database.migrate()
        made.append(Instance(toy(world, seconds=seconds), database, Loops()))
        return made[-1]

    yield make
    for instance in made:
        await instance.stop()
