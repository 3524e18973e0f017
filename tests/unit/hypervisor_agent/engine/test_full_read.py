"""Full reads of ends in memory."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypervisor_agent.engine import full_read, reading
from hypervisor_agent.engine.full_read import PART, FullRead
from hypervisor_agent.engine.terms import Tools
from stowage_contracts.errors import SourceChanged, Unavailable

from tests.integration.hypervisor_agent.kit import make_tools
from tests.unit.hypervisor_agent.engine.memory_ends import MemorySource
from tests.unit.hypervisor_agent.engine.test_digest import plain

DATA = random.Random(3).randbytes(2 * PART) + bytes(3 * PART) + b"end"
MD5 = f"md5:{hashlib.md5(DATA).hexdigest()}"


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Tools]:

    monkeypatch.setattr(reading, "RETRY_SECONDS", (0, 0, 0))
    monkeypatch.setattr(full_read, "LONGEST_REST", 0.001)
    tools = make_tools(tmp_path)
    yield tools
    tools.threads.close()


@pytest.mark.parametrize("ranged", [True, False])
@pytest.mark.parametrize("holes", [True, False])
@pytest.mark.parametrize("busy", [True, False])
async def test_both_digests_are_those_of_all_bytes(
    tools: Tools, ranged: bool, holes: bool, busy: bool
) -> None:
    source = MemorySource(DATA, ranged=ranged, holes=holes, fails=[Unavailable("once")])
    copied = await FullRead(source, tools, lambda: busy, MD5).run()
    assert (copied.tree, copied.declared) == (plain(DATA), MD5)
    assert source.received <= len(DATA) - holes * 2 * PART


async def test_nothing_has_a_digest_too(tools: Tools) -> None:
    copied = await FullRead(MemorySource(b""), tools, lambda: False, None).run()
    assert (copied.tree, copied.declared) == (plain(b""), None)


async def test_a_change_is_an_error_not_a_digest(tools: Tools) -> None:
    source = MemorySource(DATA, fails=[SourceChanged("it did")])
    with pytest.raises(SourceChanged):
        await FullRead(source, tools, lambda: False, None).run()


async def test_beside_hops_one_buffer_at_a_time_is_borrowed(tools: Tools) -> None:
    most = 0

    class Watched(MemorySource):
        reading = 0

        async def read_into(self, offset: int, buffer: memoryview) -> None:
            nonlocal most
            self.reading += 1
            most = max(most, self.reading)
            await asyncio.sleep(0)
            await super().read_into(offset, buffer)
            self.reading -= 1

    await FullRead(Watched(DATA), tools, lambda: True, None).run()
    assert most == 1
