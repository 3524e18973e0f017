"""An error of any step of a copy ends it (12: an error in a callback was once copied over as data,
CVE-2022-0485). The disk itself fails, under our own reader, loop and writer."""

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypervisor_agent.engine import reading
from hypervisor_agent.engine.buffers import Buffers
from hypervisor_agent.engine.loop import Bench, CopyLoop, Ends
from hypervisor_agent.engine.progress import Meter
from hypervisor_agent.engine.threads import Threads
from hypervisor_agent.transports.file_writer import FileWriter
from hypervisor_agent.transports.local_part import LocalPart
from stowage_contracts.errors import OutOfSpace, StowageError, Unavailable
from stowage_contracts.plugins.transport import WriteShape
from stowage_contracts.values import TREE_LEAF, Range

from tests.unit.hypervisor_agent.engine.memory_ends import MemorySink, MemorySource

DATA = b"\1" * TREE_LEAF + bytes(6 * TREE_LEAF) + b"\2" * (3 * TREE_LEAF)
"""Has a hole in the middle, and bytes on both sides."""


def broken_disk(*_: object) -> NoReturn:
    raise OSError(errno.EIO, "the disk is broken")


class BrokenSource(MemorySource):
    """A source whose extents cannot be told from the middle on."""

    async def next_data(self, offset: int) -> int:
        if offset >= TREE_LEAF:
            raise Unavailable("the extents cannot be read")
        return await super().next_data(offset)


class BrokenHoles(MemorySink):
    """A destination that can't make holes."""

    async def zero(self, extent: Range) -> None:
        raise OutOfSpace("no hole can be made")


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Threads]:
    monkeypatch.setattr(reading, "RETRY_SECONDS", (0, 0, 0))
    threads = Threads(2, "hash")
    yield threads
    threads.close()


async def copy(source: MemorySource, path: Path, threads: Threads) -> str:
    """The way of every hop: copy, then make durable."""
    shape = WriteShape(size=source.size, stall_seconds=20, source_validator='"v"', sparse=True)
    writer = await FileWriter.open(path, shape)
    try:
        await CopyLoop(Ends(source, writer), Bench(Buffers(), threads, Meter())).run()
        return await writer.finish()
    finally:
        await writer.close()


async def test_without_a_fault_all_of_it_is_copied(tmp_path: Path, threads: Threads) -> None:
    assert await copy(MemorySource(DATA, holes=True), tmp_path / "h.1.part", threads)
    assert (tmp_path / "h.1.part").read_bytes() == DATA


@pytest.mark.parametrize(
    "step", [pytest.param("write", id="write"), pytest.param("sync", id="flush")]
)
async def test_a_destination_that_fails_at_any_step_ends_the_copy(
    step: str, tmp_path: Path, threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LocalPart, step, broken_disk)
    with pytest.raises(StowageError):
        await copy(MemorySource(DATA, holes=True), tmp_path / "h.1.part", threads)


async def test_zeros_that_cannot_be_made_end_the_copy(threads: Threads) -> None:
    source, sink = MemorySource(DATA, holes=True), BrokenHoles(len(DATA))
    with pytest.raises(OutOfSpace, match="no hole"):
        await CopyLoop(Ends(source, sink), Bench(Buffers(), threads, Meter())).run()


async def test_a_source_that_fails_to_read_ends_the_copy(tmp_path: Path, threads: Threads) -> None:
    source = MemorySource(DATA, fails=[Unavailable("the read failed") for _ in range(64)])
    with pytest.raises(Unavailable, match="the read failed"):
        await copy(source, tmp_path / "h.1.part", threads)


async def test_extents_that_cannot_be_told_end_the_copy(tmp_path: Path, threads: Threads) -> None:
    with pytest.raises(Unavailable, match="the extents"):
        await copy(BrokenSource(DATA, holes=True), tmp_path / "h.1.part", threads)
