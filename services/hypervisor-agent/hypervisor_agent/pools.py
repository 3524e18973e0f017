"""The agent's own pools by id, and the parts that hops left on them."""

from collections.abc import Iterable, Mapping
from typing import Protocol, runtime_checkable

import structlog
from stowage_contracts.errors import NotFound
from stowage_contracts.plugins import PrimaryStoreDriver
from stowage_contracts.plugins.hypervisor import PoolSettings
from stowage_runtime import plugins

GROUP = "stowage.primary_store_driver"
log = structlog.get_logger(__name__)


@runtime_checkable
class KnowsWriters(Protocol):
    """A driver that can tell whose unfinished writes lie on its pool, and delete them."""

    async def writers(self) -> tuple[str, ...]:
        """``<hop>.<generation>`` of every part."""
        ...

    async def idle(self, writer: str) -> bool:
        """Whether nobody can be writing that part any more."""
        ...

    async def discard(self, writer: str) -> None:
        """Delete everything of an unfinished write; idempotent."""
        ...


class Pools:
    """Drivers of the pools a host has."""

    def __init__(self, drivers: Mapping[str, PrimaryStoreDriver]) -> None:
        self._drivers = dict(drivers)

    @classmethod
    def of(cls, settings: Iterable[PoolSettings]) -> "Pools":
        """Make each pool's driver. Raises NotFound for an unknown provider."""
        found = plugins.load(GROUP)
        return cls({pool.id: found.pick(pool.provider)(pool) for pool in settings})

    def driver(self, pool_id: str | None) -> PrimaryStoreDriver:
        """Raises NotFound."""
        if pool_id is None or pool_id not in self._drivers:
            raise NotFound(
                "this agent has no such pool",
                resource=f"store/{pool_id}",
                code="pool",
                hint="add it to STOWAGE_AGENT_POOLS",
            )
        return self._drivers[pool_id]

    async def revoke(self, hop_id: str) -> None:
        """Delete every part of a hop, whatever its generation."""
        for driver in self._knowing():
            for writer in await driver.writers():
                if hop_of(writer) == hop_id:
                    await driver.discard(writer)

    async def keep_only(self, live: frozenset[str]) -> None:
        """Delete idle parts of hops that aren't alive."""
        for driver in self._knowing():
            for writer in await driver.writers():
                if hop_of(writer) not in live and await driver.idle(writer):
                    log.info("pool.debris", writer=writer)
                    await driver.discard(writer)

    def _knowing(self) -> list[KnowsWriters]:
        return [each for each in self._drivers.values() if isinstance(each, KnowsWriters)]


def hop_of(writer: str) -> str:
    """The hop in a writer's name."""
    return writer.rpartition(".")[0]
