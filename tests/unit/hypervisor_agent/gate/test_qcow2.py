"""Every way a qcow2 may lie has a code, and honest ones pass."""

import struct
from dataclasses import replace
from typing import Any

import pytest
from hypervisor_agent.gate import Option

from tests.images import Qcow2
from tests.unit.hypervisor_agent.gate.judging import TIB, judge

CLUSTER = 65536
PIB = 1 << 50
L1 = 1 << 63 | 4 * CLUSTER
"""The L1 entry of a table that follows the L1 table."""


def backed(name: bytes) -> Qcow2:
    """An image with a backing file name after its header."""
    return Qcow2(backing_offset=512, backing_size=len(name), patch=(512, name))


def bitmaps(
    count: int = 1, reserved: int = 0, length: int = 64, offset: int = 4 * CLUSTER
) -> Qcow2:
    """An image with a bitmap directory of those figures, in a cluster of its own."""
    content = struct.pack(">IIQQ", count, reserved, length, offset)
    return Qcow2(autoclear=1, extensions=((0x23852875, content),), tail=b"\0" * CLUSTER)


def with_l2(*entries: int, **fields: Any) -> Qcow2:
    """An image with an L2 table of those entries, and one data cluster after it."""
    table = struct.pack(f">{len(entries)}Q", *entries).ljust(CLUSTER, b"\0")
    return replace(Qcow2(l1=(L1,), tail=table + b"\1" * CLUSTER), **fields)


REFUSED = {
    "backing file": ("backing_file", backed(b"/etc/passwd")),
    "backing file upwards": ("backing_file", backed(b"../../../etc/shadow")),
    "backing file with NUL": ("backing_file", backed(b"ok\0/etc/passwd")),
    "backing file as json": ("backing_file", backed(b'json:{"driver":"nbd"}')),
    "backing offset without size": ("backing_file", Qcow2(backing_offset=512)),
    "backing size without offset": ("backing_file", Qcow2(backing_size=11)),
    "backing file in version 2": ("backing_file", Qcow2(version=2, backing_offset=512)),
    "backing format": ("backing_file", Qcow2(extensions=((0xE2792ACA, b"raw"),))),
    "data file bit": ("data_file", Qcow2(incompatible=1 << 2)),
    "data file raw bit": ("data_file", Qcow2(autoclear=1 << 1)),
    "data file name": (
        "data_file",
        Qcow2(extensions=((0x6803F857, b"\0" * 48), (0x44415441, b"/etc/passwd"))),
    ),
    "data file as json": (
        "data_file",
        Qcow2(incompatible=1 << 2, extensions=((0x44415441, b'json:{"driver":"nbd"}'),)),
    ),
    "data file name in version 2": (
        "data_file",
        Qcow2(version=2, extensions=((0x44415441, b"/etc/passwd"),)),
    ),
    "unknown bit 5": ("feature", Qcow2(incompatible=1 << 5)),
    "unknown bit 63": ("feature", Qcow2(incompatible=1 << 63)),
    "corrupt bit": ("corrupt", Qcow2(incompatible=1 << 1)),
    "dirty bit": ("dirty", Qcow2(incompatible=1)),
    "compression without its bit": ("feature", Qcow2(compression=1)),
    "compression bit for zlib": ("feature", Qcow2(incompatible=1 << 3)),
    "unknown compression": ("feature", Qcow2(incompatible=1 << 3, compression=2)),
    "extended L2 in small clusters": ("header", Qcow2(incompatible=1 << 4, cluster_bits=13)),
    "version 1": ("version", Qcow2(version=1)),
    "version 4": ("version", Qcow2(version=4)),
    "AES": ("encrypted", Qcow2(crypt_method=1)),
    "LUKS": ("encrypted", Qcow2(crypt_method=2)),
    "encryption header": ("encrypted", Qcow2(extensions=((0x0537BE77, b"\0" * 16),))),
    "snapshots": ("snapshots", Qcow2(snapshots=1, snapshots_offset=4 * CLUSTER)),
    "no snapshots, oddly placed": ("table", Qcow2(snapshots_offset=512)),
    "no snapshots, far away": ("table", Qcow2(snapshots_offset=1 << 63)),
    "clusters of 256 bytes": ("header", Qcow2(cluster_bits=8)),
    "clusters of 4 MiB": ("header", Qcow2(cluster_bits=22)),
    "absurd cluster bits": ("header", Qcow2(cluster_bits=0xFFFFFFFF)),
    "refcounts of 128 bits": ("header", Qcow2(refcount_order=7)),
    "header too short": ("header", Qcow2(length=72)),
    "header too long": ("header", Qcow2(length=65536)),
    "header of odd length": ("header", Qcow2(length=105)),
    "half a sector": ("header", Qcow2(virtual_size=1000)),
    "no disk": ("empty", Qcow2(virtual_size=0)),
    "tiny file of 1 PiB": ("absurd_size", Qcow2(virtual_size=PIB, l1_entries=PIB >> 29)),
    "largest number there is": ("absurd_size", Qcow2(virtual_size=(1 << 64) - 512)),
    "over the limit": ("too_large", Qcow2(virtual_size=TIB + 512, l1_entries=2049)),
    "L1 overflow": ("table", Qcow2(l1_entries=0xFFFFFFFF)),
    "L1 above the cap": ("table", Qcow2(l1_entries=(32 << 20) // 8 + 1)),
    "L1 too small": ("table", Qcow2(virtual_size=TIB, l1_entries=1)),
    "no L1": ("table", Qcow2(l1_entries=0)),
    "L1 past the end": ("table", Qcow2(l1_offset=4 * CLUSTER)),
    "L1 longer than the file": ("table", Qcow2(l1_entries=8193)),
    "L1 far away": ("table", Qcow2(l1_offset=1 << 63)),
    "L1 wraps around": ("table", Qcow2(l1_offset=(1 << 64) - CLUSTER)),
    "L1 unaligned": ("table", Qcow2(l1_offset=3 * CLUSTER - 512)),
    "L1 in the header": ("table", Qcow2(l1_offset=0)),
    "L1 in the refcount table": ("table", Qcow2(l1_offset=CLUSTER)),
    "no refcount table": ("table", Qcow2(refcount_clusters=0)),
    "refcount table past the end": ("table", Qcow2(refcount_clusters=4)),
    "refcount table above the cap": ("table", Qcow2(refcount_clusters=129)),
    "refcount table in the header": ("table", Qcow2(refcount_offset=0)),
    "refcount block in the header": ("table", Qcow2(refcounts=(1,))),
    "refcount block past the end": ("table", Qcow2(refcounts=(1 << 40,))),
    "L2 table past the end": ("table", Qcow2(l1=(4 * CLUSTER,))),
    "L2 table unaligned": ("table", with_l2(0, l1=(L1 + 512,))),
    "L2 table in the L1 table": ("table", Qcow2(l1=(3 * CLUSTER,))),
    "L2 table in the header": ("table", with_l2(0, l1=(1,))),
    "L1 with reserved bits": ("table", with_l2(0, l1=(L1 | 1 << 56,))),
    "one L2 table twice": ("table", with_l2(0, l1=(L1, L1), l1_entries=2)),
    "cluster past the end": ("cluster", with_l2(6 * CLUSTER)),
    "cluster past the end in a table cut short": (
        "cluster",
        Qcow2(l1=(L1,), tail=struct.pack(">QQI", 0, 1 << 40, 0)),
    ),
    "cluster unaligned": ("cluster", with_l2(5 * CLUSTER + 512)),
    "cluster in the L1 table": ("cluster", with_l2(3 * CLUSTER)),
    "cluster in the refcount table": ("cluster", with_l2(1 << 63 | CLUSTER)),
    "cluster with reserved bits": ("cluster", with_l2(5 * CLUSTER | 1 << 60)),
    "cluster zeroed in version 2": ("cluster", with_l2(1, version=2)),
    "compressed past the end": ("cluster", with_l2(1 << 62 | 7 * CLUSTER)),
    "compressed beyond the end": ("cluster", with_l2(1 << 62 | 0xFF << 54 | 6 * CLUSTER - 512)),
    "compressed in the header": ("cluster", with_l2(1 << 62 | 64)),
    "copied nothing": ("cluster", with_l2(1 << 63)),
    "unknown extension": ("extension", Qcow2(extensions=((0xDEADBEEF, b""),))),
    "extension past its cluster": ("extension", Qcow2(patch=(112, b"\x68\x03\xf8\x57\xff"))),
    "end of extensions past its cluster": ("extension", Qcow2(patch=(117, b"\1"))),
    "extensions without end": (
        "extension",
        Qcow2(cluster_bits=21, extensions=((0x6803F857, b"\0" * (131072 - 120)),)),
    ),
    "no bitmaps": ("extension", bitmaps(count=0)),
    "bitmaps past the end": ("extension", bitmaps(offset=5 * CLUSTER)),
    "bitmap directory of 1 GiB": ("extension", bitmaps(length=1 << 30)),
    "bitmap directory in the header": ("extension", bitmaps(offset=0)),
    "bitmap extension cut short": ("extension", Qcow2(extensions=((0x23852875, b"\0" * 8),))),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_dishonest_qcow2_is_refused(name: str) -> None:
    code, image = REFUSED[name]
    verdict = await judge(image.build())
    assert verdict.code == f"image.{code}", verdict.reason
    assert verdict.reason
    assert not verdict.accepted


@pytest.mark.parametrize("length", [4, 71, 72, 103])
@pytest.mark.parametrize("version", [2, 3])
async def test_a_qcow2_cut_short_is_refused(length: int, version: int) -> None:
    code = (await judge(Qcow2(version=version).build()[:length])).code
    assert code in ("image.truncated", "image.extension", "image.table")


ACCEPTED = {
    "version 3": Qcow2(),
    "version 3 with the shorter header": Qcow2(length=104),
    "version 2": Qcow2(version=2),
    "version 2 whose extension reads like feature bits": Qcow2(
        version=2, extensions=((0x6803F857, b"\xff" * 48),)
    ),
    "version 2 with data where features would be": Qcow2(version=2, patch=(80, b"\xff" * 24)),
    "bytes after the end": Qcow2(tail=b"left over"),
    "lazy refcounts": Qcow2(compatible=1),
    "unknown compatible and autoclear bits": Qcow2(compatible=1 << 40, autoclear=1 << 40),
    "bitmaps": bitmaps(),
    "small clusters": Qcow2(cluster_bits=9, virtual_size=32768),
    "data": with_l2(1 << 63 | 5 * CLUSTER),
    "zeroed clusters": with_l2(1, 1 << 63 | 5 * CLUSTER | 1),
    "compressed": with_l2(1 << 62 | 5 * CLUSTER + 100),
    "zstd": Qcow2(incompatible=1 << 3, compression=1),
    "as large as allowed": Qcow2(virtual_size=TIB, l1_entries=2048),
}


@pytest.mark.parametrize("name", ACCEPTED)
async def test_an_honest_qcow2_is_accepted(name: str) -> None:
    image = ACCEPTED[name]
    verdict = await judge(image.build())
    assert verdict.accepted, verdict.reason
    assert verdict.virtual_size == image.virtual_size


async def test_a_dirty_image_is_taken_where_allowed() -> None:
    allowed = frozenset({Option.DIRTY})
    assert (await judge(Qcow2(incompatible=1).build(), allowed=allowed)).accepted


async def test_extended_l2_is_refused_where_forbidden() -> None:
    data = Qcow2(incompatible=1 << 4).build()
    assert (await judge(data)).accepted
    assert (await judge(data, allowed=frozenset())).code == "image.extended_l2"
