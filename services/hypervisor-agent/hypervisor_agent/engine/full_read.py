"""Every stored byte read once and hashed, while hops always come first."""

import asyncio
import time
from collections.abc import Callable
from contextlib import closing

from stowage_contracts.plugins import RangedReader
from stowage_contracts.values import TREE_LEAF, Digest

from hypervisor_agent.engine.hashing import Copied, Hashing
from hypervisor_agent.engine.ranges import Claim, Work
from hypervisor_agent.engine.reading import patiently
from hypervisor_agent.engine.terms import Tools
from hypervisor_agent.engine.together import together

PART = 2 * TREE_LEAF
SHARE = 3
"""Beside hops a read rests so many times as long as it works…"""
LONGEST_REST = 5.0
"""…but never longer than this at once, in seconds: it must end some day."""


class FullRead:
    """One source from its start to its end, in ranges side by side; holes are not read."""

    def __init__(
        self, reader: RangedReader, tools: Tools, busy: Callable[[], bool], checksum: Digest | None
    ) -> None:
        """``busy`` tells whether hops are moving; what it raises ends the read."""
        self._reader, self._tools, self._busy, self._checksum = reader, tools, busy, checksum
        self._work = Work(reader.size, PART, ())
        self._hashing = Hashing(tools.threads, checksum)
        self._turns = asyncio.Semaphore(tools.connections if reader.ranged else 1)
        self._alone = asyncio.Lock()

    async def run(self) -> Copied:
        """The digests of all of it. Raises what reading raises."""
        with closing(self._hashing):
            await together(*(self._lane() for _ in range(self._tools.connections + 1)))
            return self._hashing.result(self._reader.size)

    async def _lane(self) -> None:
        more = True
        while more:
            if not self._busy():
                more = await self._step()
                continue
            async with self._alone:
                began = time.monotonic()
                more = await self._step()
                worked = time.monotonic() - began
                await asyncio.sleep(min(LONGEST_REST, SHARE * worked) if more else 0)

    async def _step(self) -> bool:
        async with self._tools.buffers.lend(PART) as buffer:
            async with self._turns:
                claim, hole = await self._claim()
                if claim is None:
                    return False
                extent, view = claim.extent, buffer[: min(PART, claim.extent.length)]
                if not hole:
                    await patiently(lambda: self._reader.read_into(extent.offset, view))
            if hole:
                await self._hashing.put_zeros(extent)
            else:
                await self._hashing.put(extent.offset, view)
        return True

    async def _claim(self) -> tuple[Claim | None, bool]:
        data = await self._reader.next_data(self._work.position)
        hole = self._work.claim_zeros(data)
        return (hole, True) if hole else (self._work.claim(), False)
