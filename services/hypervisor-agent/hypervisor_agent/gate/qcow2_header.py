"""A qcow2 header as the format's specification lays it out, and its extensions."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from hypervisor_agent.gate.terms import Refused

V2_LENGTH, V3_LENGTH, KNOWN_LENGTH = 72, 104, 112
_V2 = struct.Struct(">IQIIQIIQQIIQ")
_V3 = struct.Struct(">QQQII")


@dataclass(frozen=True)
class Header:
    """The fields in their order in the file, after the magic; sizes and offsets in bytes."""

    version: int
    backing_offset: int
    backing_size: int
    cluster_bits: int
    virtual_size: int
    crypt_method: int
    l1_entries: int
    l1_offset: int
    refcount_offset: int
    refcount_clusters: int
    snapshots: int
    snapshots_offset: int
    incompatible: int = 0
    compatible: int = 0
    autoclear: int = 0
    refcount_order: int = 4
    length: int = V2_LENGTH
    compression: int = 0

    @property
    def cluster(self) -> int:
        """Bytes in a cluster; meaningful once ``cluster_bits`` was checked."""
        return 1 << self.cluster_bits


def parse(head: bytes) -> Header:
    """Read a header; version 2 has no feature bits, whatever stands in their place."""
    if len(head) < V2_LENGTH:
        raise Refused("truncated", f"{len(head)} bytes hold no qcow2 header")
    fields = _V2.unpack_from(head, 4)
    if fields[0] == 2:
        return Header(*fields)
    if fields[0] != 3:
        raise Refused("version", f"qcow2 version {fields[0]} is neither 2 nor 3")
    if len(head) < V3_LENGTH:
        raise Refused("truncated", f"{len(head)} bytes hold no qcow2 version 3 header")
    more = _V3.unpack_from(head, V2_LENGTH)
    compression = head[V3_LENGTH] if more[-1] > V3_LENGTH and len(head) > V3_LENGTH else 0
    return Header(*(*fields, *more, compression))


def extensions(header: Header, head: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and content of each header extension; refuses those that leave the first cluster."""
    at, end = header.length, min(header.cluster, len(head))
    while at + 8 <= end:
        kind, length = struct.unpack_from(">II", head, at)
        if length > end - at - 8:
            raise Refused("extension", f"extension {kind:#x} runs past its place")
        if kind == 0:
            return
        yield kind, head[at + 8 : at + 8 + length]
        at += 8 + -(-length // 8) * 8
    if end < header.cluster:
        raise Refused("extension", "the header extensions have no end")
