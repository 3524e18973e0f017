"""Where the parts of one qcow2 are, and where a cluster may be."""

from dataclasses import dataclass
from functools import cached_property

from hypervisor_agent.gate.qcow2_header import Header

OFFSET = 0x00FF_FFFF_FFFF_FE00
"""The bits of an L1 or L2 entry that are a place in the file."""


@dataclass(frozen=True)
class Layout:
    """Where things are in one image."""

    header: Header
    extended: bool
    """Whether L2 entries are 16 bytes long."""
    size: int
    """Of the stored file, in bytes."""

    @property
    def l1(self) -> range:
        """The bytes of the L1 table."""
        return _span(self.header.l1_offset, self.header.l1_entries * 8)

    @property
    def refcount_table(self) -> range:
        """The bytes of the refcount table."""
        length = self.header.refcount_clusters * self.header.cluster
        return _span(self.header.refcount_offset, length)

    @property
    def entry(self) -> int:
        """Bytes in an L2 entry."""
        return 16 if self.extended else 8

    @property
    def l1_entries_needed(self) -> int:
        """Entries that cover the virtual size."""
        covered = self.header.cluster * (self.header.cluster // self.entry)
        return -(-self.header.virtual_size // covered)

    def holds(self, offset: int) -> bool:
        """Whether a cluster may start there: aligned, after the header, before the end."""
        cluster = self.header.cluster
        return offset % cluster == 0 and cluster <= offset < self.size

    def is_free(self, offset: int) -> bool:
        """Whether an aligned cluster there overlaps neither table."""
        return offset not in self.taken

    @cached_property
    def taken(self) -> frozenset[int]:
        """Where the clusters of both tables start."""
        tables = (self.l1, self.refcount_table)
        return frozenset(at for each in tables for at in each[:: self.header.cluster])


def _span(start: int, length: int) -> range:
    return range(start, start + length)
