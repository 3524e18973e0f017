"""A sound little qcow2 whose every header field can be falsified."""

import struct
from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True)
class Qcow2:
    """Header, refcount table, one refcount block and L1 table, a cluster each, then ``tail``.

    ``None`` stands for the honest value.
    """

    version: int = 3
    backing_offset: int = 0
    backing_size: int = 0
    cluster_bits: int = 16
    virtual_size: int = 64 * MIB
    crypt_method: int = 0
    l1_entries: int = 1
    l1_offset: int | None = None
    refcount_offset: int | None = None
    refcount_clusters: int = 1
    snapshots: int = 0
    snapshots_offset: int = 0
    incompatible: int = 0
    compatible: int = 0
    autoclear: int = 0
    refcount_order: int = 4
    length: int = 112
    compression: int = 0
    extensions: tuple[tuple[int, bytes], ...] = ()
    l1: tuple[int, ...] = ()
    refcounts: tuple[int, ...] | None = None
    tail: bytes = b""
    patch: tuple[int, bytes] = (0, b"")
    """Bytes put over the finished image at an offset."""

    @property
    def cluster(self) -> int:
        """Bytes in a cluster of the layout, also where ``cluster_bits`` lies."""
        return 1 << self.cluster_bits if 9 <= self.cluster_bits <= 21 else 65536

    def build(self) -> bytes:
        """The image's bytes."""
        cluster = self.cluster
        table = (2 * cluster,) if self.refcounts is None else self.refcounts
        first = self._header() + self._extensions()
        parts = (first, _numbers(table), struct.pack(">4H", 1, 1, 1, 1), _numbers(self.l1))
        image = b"".join(part.ljust(cluster, b"\0") for part in parts) + self.tail
        at, patch = self.patch
        return image[:at] + patch + image[at + len(patch) :]

    def _header(self) -> bytes:
        common = struct.pack(
            ">4sIQIIQIIQQIIQ",
            b"QFI\xfb",
            self.version,
            self.backing_offset,
            self.backing_size,
            self.cluster_bits,
            self.virtual_size,
            self.crypt_method,
            self.l1_entries,
            3 * self.cluster if self.l1_offset is None else self.l1_offset,
            self.cluster if self.refcount_offset is None else self.refcount_offset,
            self.refcount_clusters,
            self.snapshots,
            self.snapshots_offset,
        )
        if self.version == 2:
            return common
        return common + struct.pack(
            ">QQQIIB7x",
            self.incompatible,
            self.compatible,
            self.autoclear,
            self.refcount_order,
            self.length,
            self.compression,
        )

    def _extensions(self) -> bytes:
        return b"".join(
            struct.pack(">II", kind, len(content)) + content + b"\0" * (-len(content) % 8)
            for kind, content in self.extensions
        )


def _numbers(values: tuple[int, ...]) -> bytes:
    return struct.pack(f">{len(values)}Q", *values)
