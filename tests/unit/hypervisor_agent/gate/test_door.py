"""The gate reads little, passes its reader's faults on, and never guesses."""

import struct

import pytest
from hypervisor_agent.gate import GATE_VERSION, JUDGED, Expectation, inspect
from hypervisor_agent.gate.numbers import spread
from hypervisor_agent.gate.window import Window
from stowage_contracts.errors import Unavailable
from stowage_contracts.values import ImageFormat

from tests.images import MemoryImage, Qcow2, mbr_disk
from tests.unit.hypervisor_agent.gate.judging import TIB, judge

BUDGET = (8 + 256) * 1024 * 1024


class BrokenImage(MemoryImage):
    """Its store goes away."""

    async def read(self, offset: int, length: int) -> bytes:
        """Fails."""
        raise Unavailable("the store does not answer")


class ShortImage(MemoryImage):
    """It has fewer bytes than it says."""

    async def read(self, offset: int, length: int) -> bytes:
        """One byte less than asked."""
        return (await super().read(offset, length))[:-1]


def full_qcow2(tables: int) -> bytes:
    """An image of ``tables`` full L2 tables that all describe the same data cluster."""
    cluster = 65536
    first = 4 * cluster
    data = first + tables * cluster
    table = struct.pack(">Q", 1 << 63 | data) * (cluster // 8)
    l1 = tuple(1 << 63 | first + index * cluster for index in range(tables))
    size = tables * (512 << 20)
    tail = table * tables + b"\1" * cluster
    return Qcow2(virtual_size=size, l1_entries=tables, l1=l1, tail=tail).build()


async def _read_of(data: bytes, declared: ImageFormat) -> MemoryImage:
    image = MemoryImage(data)
    assert (await inspect(image, Expectation(declared, TIB))).accepted
    return image


async def test_a_raw_disk_costs_two_reads() -> None:
    image = await _read_of(mbr_disk(4 << 20), ImageFormat.RAW)
    assert len(image.reads) == 2
    assert sum(image.reads) <= 130 * 1024


async def test_tables_side_by_side_are_read_together() -> None:
    image = await _read_of(full_qcow2(300), ImageFormat.QCOW2)
    assert len(image.reads) <= 4 + 300 // 16 + 1
    assert max(image.reads) <= 1024 * 1024


async def test_tables_far_apart_are_each_read_alone_and_whole() -> None:
    image = MemoryImage(bytes(range(256)) * 64)
    window = Window(image)
    found = [data async for data in window.each([0, 4, 8, 100, 200, 204, 16382], 4)]
    assert found[:3] + found[3:4] == [b"\0\1\2\3", b"\4\5\6\7", b"\x08\t\n\x0b", b"defg"]
    assert (len(found), found[-1], sorted(image.reads)) == (7, b"\xfe\xff", [2, 4, 8, 12])


async def test_the_longest_tables_stay_within_the_budget() -> None:
    data = Qcow2(cluster_bits=21, l1_entries=(32 << 20) // 8, tail=b"\0" * (32 << 20)).build()
    image = await _read_of(data, ImageFormat.QCOW2)
    assert sum(image.reads) <= BUDGET


async def test_the_last_l2_table_of_a_large_disk_is_seen() -> None:
    data = bytearray(full_qcow2(300))
    data[-65536 - 8 : -65536] = b"\xff" * 8
    assert (await judge(bytes(data))).code == "image.cluster"


@pytest.mark.parametrize(("count", "most"), [(0, 4), (4, 4), (5, 4), (1000, 7)])
def test_of_too_many_tables_an_even_spread_is_looked_at(count: int, most: int) -> None:
    some = spread(range(count), most)
    assert len(some) == min(count, most)
    assert list(some) == sorted(set(some))
    assert list(some[:1]) == [0][:count]


@pytest.mark.parametrize("declared", JUDGED)
async def test_nothing_is_refused(declared: ImageFormat) -> None:
    assert (await judge(b"", declared)).code in ("image.empty", "image.format_mismatch")


async def test_a_raw_disk_above_the_limit_is_refused() -> None:
    assert (await judge(mbr_disk(), ImageFormat.RAW, limit=512)).code == "image.too_large"


async def test_a_fault_of_the_store_is_no_verdict() -> None:
    with pytest.raises(Unavailable):
        await inspect(BrokenImage(b"\0" * 4096), Expectation(ImageFormat.RAW, TIB))


async def test_bytes_that_are_not_there_are_refused() -> None:
    image = ShortImage(b"\0" * 4096)
    assert (await inspect(image, Expectation(ImageFormat.RAW, TIB))).code == "image.truncated"


async def test_a_verdict_says_which_gate_gave_it() -> None:
    assert (await judge(mbr_disk(), ImageFormat.RAW)).gate_version == GATE_VERSION
    assert (await judge(b"", ImageFormat.RAW)).gate_version == GATE_VERSION
