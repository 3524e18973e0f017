"""What a bus's test file gives, and what the suite makes of it."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Protocol

import pytest

from stowage_runtime.bus import Bus
from stowage_runtime.bus.dead_letters import DeadLetter, DeadLetters
from stowage_runtime.testing.bus_words import CACHES, GATEWAY, OWNER, STORE
from stowage_runtime.testing.eventually import eventually


class TestableBus(Bus, Protocol):
    """A bus and its dead letters."""

    def dead_letters(self, name: str) -> DeadLetters:
        """Those of one reader."""
        ...


class BusFixtures(ABC):
    """Subclasses give ``make`` (a connected bus with LIMITS) and ``admit`` (an agent's queue)."""

    @pytest.fixture
    @abstractmethod
    def make(self) -> Callable[[], Awaitable[TestableBus]]:
        """Makes connected buses on one broker, closed after the test."""

    @pytest.fixture
    @abstractmethod
    def admit(self) -> Callable[[str], Awaitable[None]]:
        """Makes an agent's queue."""

    @pytest.fixture
    async def bus(self, make: Callable[[], Awaitable[TestableBus]]) -> TestableBus:
        """A bus with the readers of this suite declared."""
        bus = await make()
        for reader in (STORE, GATEWAY, CACHES, STORE):
            await bus.declare(reader)
        return bus

    @pytest.fixture
    async def peer(self, make: Callable[[], Awaitable[TestableBus]]) -> TestableBus:
        """A second one."""
        return await make()

    async def dead(self, bus: TestableBus, count: int) -> list[DeadLetter]:
        """Wait until image-store has that many dead letters."""
        letters = bus.dead_letters(OWNER)
        found: list[DeadLetter] = []

        async def look() -> bool:
            found[:] = await letters.entries()
            return len(found) == count

        await eventually(look)
        return found

    async def cause(self, bus: TestableBus, id: str) -> str:
        """Why that one died."""
        return (await bus.dead_letters(OWNER).show(id)).reason.cause
