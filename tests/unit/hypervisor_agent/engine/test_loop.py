"""The copy loop between ends in memory."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Iterator

import pytest
from hypervisor_agent.engine import loop, reading
from hypervisor_agent.engine.buffers import Buffers
from hypervisor_agent.engine.hashing import Copied
from hypervisor_agent.engine.loop import Bench, CopyLoop, Ends
from hypervisor_agent.engine.progress import Meter
from hypervisor_agent.engine.reins import Reins, Yielded, hold
from hypervisor_agent.engine.threads import Threads
from hypothesis import given, settings
from hypothesis import strategies as st
from stowage_contracts.errors import OutOfSpace, SourceChanged, StowageError, Unavailable
from stowage_contracts.values import TREE_LEAF, Range

from tests.unit.hypervisor_agent.engine.memory_ends import MemorySink, MemorySource
from tests.unit.hypervisor_agent.engine.test_digest import UNIT, image, plain

SIZE = 5 * TREE_LEAF + 99


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "RETRY_SECONDS", (0, 0, 0))


@pytest.fixture
def threads() -> Iterator[Threads]:
    threads = Threads(3, "hash")
    yield threads
    threads.close()


def data(seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(SIZE)


async def copy(
    source: MemorySource, sink: MemorySink, threads: Threads, checksum: str | None = None
) -> Copied:
    bench = Bench(Buffers(6 * TREE_LEAF), threads, Meter())
    async with asyncio.timeout(20):
        return await CopyLoop(Ends(source, sink), bench, checksum).run()


@settings(max_examples=20, deadline=None)
@given(
    pattern=st.lists(st.booleans(), max_size=7),
    tail=st.integers(0, 99),
    journal=st.sets(st.integers(0, 6)),
    holes=st.booleans(),
    ranged=st.booleans(),
    sparse=st.booleans(),
    readable=st.booleans(),
)
def test_whatever_was_there_before_the_copy_is_the_source(
    pattern: list[bool],
    tail: int,
    journal: set[int],
    holes: bool,
    ranged: bool,
    sparse: bool,
    readable: bool,
) -> None:
    whole = image(pattern, tail)
    source = MemorySource(whole, ranged=ranged, holes=holes)
    sink = MemorySink(len(whole), sparse=sparse, readable=readable)
    sink.done = tuple(
        Range(offset=n * TREE_LEAF, length=min(TREE_LEAF, len(whole) - n * TREE_LEAF))
        for n in sorted(journal)
        if n * TREE_LEAF < len(whole)
    )
    for item in sink.done:
        sink.data[item.offset : item.end] = whole[item.offset : item.end]
    checksum = f"sha256:{hashlib.sha256(whole).hexdigest()}"
    threads = Threads(2, "hash")
    copied = asyncio.run(copy(source, sink, threads, checksum))
    threads.close()
    assert bytes(sink.data) == whole
    assert copied.tree == plain(whole)
    assert copied.declared == checksum
    assert not set(sink.written) & {item.offset for item in sink.done}


async def test_journaled_parts_that_are_other_bytes_are_sent_again(threads: Threads) -> None:
    sink = MemorySink(SIZE, readable=False, done=(Range(offset=0, length=2 * TREE_LEAF),))
    copied = await copy(MemorySource(data()), sink, threads)
    assert bytes(sink.data) == data()
    assert copied.tree == plain(data())
    assert sink.sent == SIZE


async def test_a_source_of_one_stream_is_read_in_order(threads: Threads) -> None:
    source = MemorySource(data(), ranged=False)
    await copy(source, MemorySink(SIZE), threads)
    assert source.reads == sorted(source.reads)


async def test_one_stream_goes_along_with_what_is_recalled(threads: Threads) -> None:
    source = MemorySource(data(), ranged=False)
    sink = MemorySink(SIZE, done=(Range(offset=0, length=2 * TREE_LEAF),))
    sink.data[: 2 * TREE_LEAF] = data()[: 2 * TREE_LEAF]
    copied = await copy(source, sink, threads)
    assert copied.tree == plain(data())
    assert sink.sent == SIZE - 2 * TREE_LEAF
    assert source.reads[0] == 0
    assert source.reads == sorted(source.reads)
    assert source.received == SIZE


@pytest.mark.parametrize("ranged", [False, True])
async def test_every_byte_counts_once_zeros_and_recalled_ones_too(
    threads: Threads, ranged: bool
) -> None:
    whole = bytes(4 * TREE_LEAF) + UNIT
    source = MemorySource(whole, ranged=ranged)
    sink = MemorySink(len(whole), done=(Range(offset=0, length=TREE_LEAF),))
    sink.data[:TREE_LEAF] = bytes(TREE_LEAF)
    meter, shown = Meter(), list[int]()
    meter.arriving = lambda: source.received
    meter.settled = lambda: shown.append(meter.transfer().bytes_done)
    bench = Bench(Buffers(TREE_LEAF), threads, meter, connections=1)
    await CopyLoop(Ends(source, sink), bench).run()
    assert shown == [count * TREE_LEAF for count in range(1, 6)]


async def test_a_broken_read_is_tried_again(threads: Threads) -> None:
    source = MemorySource(data(), fails=[Unavailable("dropped")] * 3)
    copied = await copy(source, MemorySink(SIZE), threads)
    assert copied.tree == plain(data())


async def test_a_read_that_stays_broken_is_given_up(threads: Threads) -> None:
    source = MemorySource(data(), fails=[Unavailable("dropped")] * 100)
    with pytest.raises(Unavailable):
        await copy(source, MemorySink(SIZE), threads)
    assert len(source.reads) <= 6 * 4


@pytest.mark.parametrize("error", [SourceChanged("x"), OutOfSpace("x")])
async def test_the_first_error_of_any_lane_ends_the_copy(
    threads: Threads, error: StowageError
) -> None:
    sink = MemorySink(SIZE, fails={3 * TREE_LEAF: error})
    checksum = f"sha256:{'0' * 64}"
    with pytest.raises(type(error)):
        await copy(MemorySource(data()), sink, threads, checksum)


async def test_a_fault_of_ours_is_not_swallowed(threads: Threads) -> None:
    sink = MemorySink(SIZE, fails={0: KeyError("ours")})
    with pytest.raises(ExceptionGroup):
        await copy(MemorySource(data()), sink, threads)


@pytest.mark.parametrize("journaled", [False, True])
async def test_a_long_part_passes_through_a_short_buffer(
    threads: Threads, monkeypatch: pytest.MonkeyPatch, journaled: bool
) -> None:
    monkeypatch.setattr(loop, "SLICE", TREE_LEAF)
    checksum = f"sha1:{hashlib.sha1(data(), usedforsecurity=False).hexdigest()}"
    done = (Range(offset=0, length=3 * TREE_LEAF),) if journaled else ()
    sink = MemorySink(SIZE, part_size=3 * TREE_LEAF, sparse=False, readable=False, done=done)
    source = MemorySource(data(), fails=[Unavailable("dropped")])
    copied = await copy(source, sink, threads, checksum)
    assert bytes(sink.data) == data()
    assert copied == Copied(plain(data()), checksum)


async def test_more_lanes_than_buffers_still_end(threads: Threads) -> None:
    bench = Bench(Buffers(TREE_LEAF), threads, Meter(), connections=8)
    sink = MemorySink(SIZE)
    async with asyncio.timeout(20):
        await CopyLoop(Ends(MemorySource(data()), sink), bench, f"md5:{'0' * 32}").run()
    assert bytes(sink.data) == data()


async def test_a_hole_costs_neither_reads_nor_time_by_its_size(threads: Threads) -> None:
    class Vast(MemorySource):
        """Eight tebibytes with data at the end."""

        @property
        def size(self) -> int:
            return 1 << 43

        async def next_data(self, offset: int) -> int:
            return max(offset, self.size - TREE_LEAF)

        async def read_into(self, offset: int, buffer: memoryview) -> None:
            self.reads.append(offset)
            buffer[:] = UNIT

    class Nowhere(MemorySink):
        async def zero(self, extent: Range) -> None:
            self.done = (*self.done, extent)

        async def write(self, offset: int, buffer: memoryview) -> None:
            self.written.append(offset)

    source, sink = Vast(b""), Nowhere(0)
    await copy(source, sink, threads)
    assert source.reads == sink.written == [(1 << 43) - TREE_LEAF]


async def test_a_source_of_stretches_is_read_along_each_and_hashed_in_order(
    threads: Threads,
) -> None:
    class Stretched(MemorySource):
        """Reads that go on where one ended are free."""

        stretch = 2 * TREE_LEAF

        def ahead(self, extent: Range) -> None:
            told.append(extent)

    told: list[Range] = []
    sink = MemorySink(SIZE)
    copied = await copy(Stretched(data()), sink, threads)
    assert copied.tree == plain(data())
    assert bytes(sink.data) == data()
    assert {extent.offset for extent in told} == {0, 2 * TREE_LEAF, 4 * TREE_LEAF}

    told.clear()
    checksum = f"sha1:{hashlib.sha1(data(), usedforsecurity=False).hexdigest()}"
    assert (await copy(Stretched(data()), sink, threads, checksum)).declared == checksum
    assert told == []


async def test_a_copy_ends_though_others_hold_every_buffer_for_long(threads: Threads) -> None:
    """A VM start once waited half a minute for buffers of slow backups, with all bytes there."""
    buffers, sink = Buffers(6 * TREE_LEAF), MemorySink(SIZE)
    bench = Bench(buffers, threads, Meter())
    async with asyncio.timeout(20), buffers.lend(6 * TREE_LEAF, whose="slow"):
        await CopyLoop(Ends(MemorySource(data()), sink), bench).run()
    assert bytes(sink.data) == data()


async def test_who_is_to_stop_waits_for_no_buffer(threads: Threads) -> None:
    buffers, reins = Buffers(6 * TREE_LEAF), Reins()
    hold(reins)
    source, sink = MemorySource(data()), MemorySink(SIZE)
    copying = CopyLoop(Ends(source, sink), Bench(buffers, threads, Meter()))
    async with buffers.lend(6 * TREE_LEAF, whose="slow"), asyncio.timeout(20):
        running = asyncio.create_task(copying.run())
        while not source.reads:
            await asyncio.sleep(0)
        reins.stop()
        with pytest.raises(Yielded):
            await running
