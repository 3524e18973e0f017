"""python -m bench.store.mover: copies objects from store to store by their drivers' grants.

One process does what image-store (grant, commit) and an agent (the hop) do, without bus and
database: those are measured by bench.control_plane. Reads its work as JSON, prints what it took.
Drivers are open and have spoken to their servers before the time begins, as a service's are.
"""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field

from hypervisor_agent.engine.hop import Hop
from hypervisor_agent.engine.progress import Meter
from hypervisor_agent.engine.terms import Tools
from hypervisor_agent.transports.http_parts import BATCH
from stowage_contracts.errors import NotFound
from stowage_contracts.grants import Grant, PartUrl
from stowage_contracts.messages.image_store import GrantRedeemed
from stowage_contracts.plugins import ImageStoreDriver
from stowage_contracts.plugins.image_store_driver import CommitAsk, ReadAsk, WriteAsk
from stowage_contracts.plugins.transport import PartSource
from stowage_contracts.values import Value

from bench.data.mover import Took, make_tools, order
from bench.data.processes import peak_mib
from bench.store.batch import Item, Side

SECONDS = 3600


class Work(Value):
    """What to copy."""

    source: Side
    destination: Side
    items: tuple[Item, ...]
    slots: int = 4
    """Hops at the same time: an agent's default."""


@dataclass
class Redeemed:
    """One item's grants, asked of the drivers when the hop asks for them."""

    item: Item
    source_driver: ImageStoreDriver
    driver: ImageStoreDriver
    ask: WriteAsk
    session: str = field(default="", init=False)

    async def source(self) -> GrantRedeemed:
        """With the digest that its bytes must have."""
        grant = await self.source_driver.grant(ReadAsk(key=self.item.source, seconds=SECONDS))
        return GrantRedeemed(grant_id="read", grant=grant, digest=self.item.digest)

    async def destination(self, size: int | None) -> Grant:
        """Begins the write."""
        self.ask = self.ask.model_copy(update={"size": size, "part_count": BATCH})
        grant = await self.driver.grant(self.ask)
        self.session = grant.session
        return grant

    async def promise(self, size: int) -> None:
        """Nobody counts."""

    async def keep_leaves(self, *_: object) -> None:
        """Nobody keeps them."""

    @property
    def parts(self) -> PartSource:
        """A batch of URLs at a time."""
        return self._more

    async def _more(self, first_part: int, count: int) -> tuple[PartUrl, ...]:
        more = {"session": self.session, "first_part": first_part, "part_count": count}
        return (await self.driver.grant(self.ask.model_copy(update=more))).parts


@dataclass(frozen=True)
class Mover:
    """Both ends, open."""

    source: ImageStoreDriver
    destination: ImageStoreDriver
    tools: Tools

    async def move(self, number: int, item: Item) -> int:
        """One object, committed; the bytes sent."""
        writer = f"h{number}-{time.monotonic_ns():x}.1"
        ask = WriteAsk(key=item.destination, writer=writer, seconds=SECONDS)
        grants = Redeemed(item, self.source, self.destination, ask)
        receipt = await Hop(order(number=number), grants, self.tools, Meter()).run()
        commit = CommitAsk(
            key=item.destination, writer=writer, session=grants.session, size=receipt.size
        )
        await self.destination.commit(commit)
        return receipt.bytes_sent

    async def all(self, work: Work) -> int:
        """Everything, so many at the same time."""
        waiting = iter(list(enumerate(work.items)))

        async def slot() -> int:
            return sum([await self.move(number, item) for number, item in waiting])

        async with asyncio.TaskGroup() as group:
            slots = [group.create_task(slot()) for _ in range(work.slots)]
        return sum(task.result() for task in slots)


async def run(work: Work) -> Took:
    """Open, warm up, move, close."""
    mover = Mover(
        work.source.open(),
        work.destination.open(),
        make_tools(work.source.root + work.destination.root),
    )
    drivers = (mover.source, mover.destination)
    for driver in drivers:
        with suppress(NotFound):
            await driver.stat("never/there")
    began, used = time.monotonic(), time.process_time()
    sent = await mover.all(work)
    took = Took(
        seconds=time.monotonic() - began,
        cpu_seconds=time.process_time() - used,
        peak_mib=peak_mib("self"),
        size=sent,
        sent=sent,
    )
    for driver in drivers:
        if close := getattr(driver, "aclose", None):
            await close()
    mover.tools.threads.close()
    return took


if __name__ == "__main__":
    sys.stdout.write(asyncio.run(run(Work.model_validate_json(sys.stdin.read()))).model_dump_json())
