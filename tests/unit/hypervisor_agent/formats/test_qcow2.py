"""A qcow2 of ours is one of qemu's, and the other way round."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypervisor_agent.engine.buffers import Buffers
from hypervisor_agent.engine.hashing import Copied
from hypervisor_agent.engine.loop import Bench, CopyLoop, Ends
from hypervisor_agent.engine.progress import Meter
from hypervisor_agent.engine.threads import Threads
from hypervisor_agent.formats.qcow2_reader import Qcow2Reader, header_of, readable
from hypervisor_agent.formats.qcow2_slots import CLUSTER
from hypervisor_agent.formats.qcow2_writer import Qcow2Writer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stowage_contracts.errors import SourceRefused
from stowage_contracts.values import TREE_LEAF

from tests.images.honest import qemu_img
from tests.unit.hypervisor_agent.engine.memory_ends import MemorySink, MemorySource
from tests.unit.hypervisor_agent.engine.test_digest import plain

MIB = 1 << 20


@pytest.fixture
def threads() -> Iterator[Threads]:
    threads = Threads(3, "hash")
    yield threads
    threads.close()


@dataclass
class GrowingSink(MemorySink):
    """A file in memory that becomes as long as it must."""

    size: int = 0
    part_size: int = 2 * TREE_LEAF

    async def write(self, offset: int, buffer: memoryview) -> None:
        missing = offset + len(buffer) - len(self.data)
        self.data += bytes(max(0, missing))
        await super().write(offset, buffer)

    def part_at(self, offset: int) -> int:
        return self.part_size

    async def ends(self, size: int) -> None:
        self.data += bytes(max(0, size - len(self.data)))


@dataclass
class Promised:
    """Room that was asked for."""

    reached: list[int] = field(default_factory=list)

    async def reach(self, size: int) -> None:
        self.reached.append(size)


def disk(size: int, runs: list[tuple[int, int]]) -> bytes:
    """Noise in some clusters, given by first and count, and zeros elsewhere."""
    data = bytearray(size)
    for first, count in runs:
        start, end = first * CLUSTER, min(size, (first + count) * CLUSTER)
        if start < size:
            data[start:end] = random.Random(first).randbytes(end - start)
    return bytes(data)


async def written(data: bytes, threads: Threads) -> tuple[bytes, Qcow2Writer, Copied]:
    """The qcow2 that became of a disk."""
    sink = GrowingSink()
    writer = Qcow2Writer(sink, Promised(), threads)
    bench = Bench(Buffers(), threads, Meter())
    copied = await CopyLoop(Ends(MemorySource(data), writer), bench).run()
    seen = bytearray(len(data))
    await writer.recall(0, memoryview(seen))
    assert bytes(seen) == data
    await writer.finish()
    return bytes(sink.data), writer, copied


async def read(file: bytes, threads: Threads) -> bytes:
    """The disk within a qcow2, by reading what it says is data."""
    reader = await Qcow2Reader.open(MemorySource(file), threads)
    out = bytearray(reader.size)
    at = 0
    while (at := await reader.next_data(at)) < reader.size:
        end = min(reader.size, at + 3 * CLUSTER + 512)
        await reader.read_into(at, memoryview(out)[at:end])
        at = end
    return bytes(out)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    size=st.integers(1, 12 * MIB // 512).map(lambda sectors: sectors * 512),
    runs=st.lists(st.tuples(st.integers(0, 191), st.integers(1, 70)), max_size=5),
)
def test_what_is_written_is_read_again_and_hashed_once(
    size: int, runs: list[tuple[int, int]], threads: Threads
) -> None:
    data = disk(size, runs)

    async def there_and_back() -> None:
        file, writer, copied = await written(data, threads)
        assert copied.tree == plain(data)
        assert writer.digest == plain(file)
        assert writer.length == len(file)
        assert await read(file, threads) == data

    asyncio.run(there_and_back())


@pytest.mark.parametrize(
    ("size", "runs"),
    [
        (512, []),
        (20 * MIB + 512, [(0, 1), (63, 3), (200, 64), (320, 1)]),
        (514 * MIB, [(0, 130), (8191, 2)]),
    ],
)
async def test_qemu_reads_ours_and_finds_no_fault(
    size: int, runs: list[tuple[int, int]], threads: Threads, tmp_path: Path
) -> None:
    data = disk(size, runs)
    file, writer, _ = await written(data, threads)
    (tmp_path / "disk.raw").write_bytes(data)
    (tmp_path / "disk.qcow2").write_bytes(file)
    found = json.loads(qemu_img("check", "--output=json", "-f", "qcow2", tmp_path / "disk.qcow2"))
    assert found["check-errors"] == 0
    assert not {"leaks", "corruptions"} & set(found)
    qemu_img("compare", "-f", "raw", "-F", "qcow2", tmp_path / "disk.raw", tmp_path / "disk.qcow2")
    assert writer.sent < sum(count for _, count in runs) * CLUSTER + 24 * MIB


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("-c",),
        ("-o", "cluster_size=4k"),
        ("-o", "cluster_size=2M"),
        ("-c", "-o", "compat=0.10"),
        ("-o", "preallocation=metadata"),
    ],
)
async def test_we_read_what_qemu_writes(
    options: tuple[str, ...], threads: Threads, tmp_path: Path
) -> None:
    text = b"compressible " * 40000
    data = disk(9 * MIB + 1536, [(0, 2), (70, 30), (143, 3)])
    data = data[: 3 * MIB] + text + data[3 * MIB + len(text) :]
    raw, image = tmp_path / "disk.raw", tmp_path / "disk.qcow2"
    raw.write_bytes(data)
    qemu_img("convert", "-f", "raw", "-O", "qcow2", *options, raw, image)
    assert await read(image.read_bytes(), threads) == data


@pytest.mark.parametrize("option", ["extended_l2=on,cluster_size=128k", "compression_type=zstd"])
async def test_what_we_do_not_read_is_known(option: str, tmp_path: Path) -> None:
    image = tmp_path / "disk.qcow2"
    qemu_img("create", "-f", "qcow2", "-o", option, image, "1M")
    assert not readable(await header_of(MemorySource(image.read_bytes())))


async def test_a_broken_compressed_cluster_is_refused(threads: Threads, tmp_path: Path) -> None:
    raw, image = tmp_path / "disk.raw", tmp_path / "disk.qcow2"
    raw.write_bytes(b"words, and more words " * 4000)
    qemu_img("convert", "-c", "-f", "raw", "-O", "qcow2", raw, image)
    file = bytearray(image.read_bytes())
    packed = 5 * CLUSTER
    file[packed : packed + 64] = b"\xff" * 64
    with pytest.raises(SourceRefused):
        await read(bytes(file), threads)


async def test_an_empty_disk_of_8_tib_costs_nothing(threads: Threads) -> None:
    class Vast(MemorySource):
        """Data only in its last megabytes."""

        @property
        def size(self) -> int:
            return 1 << 43

        async def next_data(self, offset: int) -> int:
            return max(offset, self.size - TREE_LEAF)

        async def read_into(self, offset: int, buffer: memoryview) -> None:
            buffer[:] = b"\1" * len(buffer)

    sink = GrowingSink()
    writer = Qcow2Writer(sink, Promised(), threads)
    bench = Bench(Buffers(), threads, Meter())
    await CopyLoop(Ends(Vast(b""), writer), bench).run()
    await writer.finish()
    assert len(sink.data) < 16 * MIB
    reader = await Qcow2Reader.open(MemorySource(bytes(sink.data)), threads)
    assert await reader.next_data(0) == reader.size - writer.part_size
