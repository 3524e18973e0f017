"""Limits: what a server says of itself, and segments that keep within it."""

from dataclasses import dataclass
from typing import Any

from stowage_contracts.errors import InvalidInput
from stowage_contracts.parts import count_of_parts, offset_of_part
from stowage_contracts.values import TREE_LEAF

_LARGEST_SEGMENT = 5 << 30
_SPARE = 0.9
"""Part of the limit that is used, so that a size told too small still fits."""


@dataclass(frozen=True)
class Shape:
    """Bytes of the first segment, and after how many the size doubles (0: never)."""

    part_size: int
    growth: int = 0


@dataclass(frozen=True)
class Limits:
    """Segments of one manifest, bytes of one segment, and how TempURLs are signed."""

    segments: int = 1000
    segment_bytes: int = _LARGEST_SEGMENT
    digest: str = "sha1"
    container_keys: bool = False
    """Containers may have TempURL keys of their own; Ceph stores but ignores them."""

    @classmethod
    def of(cls, info: dict[str, Any]) -> "Limits":
        """From ``/info``; servers that don't say (Ceph) sign with SHA-1 only."""
        swift, slo, links = (info.get(name) or {} for name in ("swift", "slo", "tempurl"))
        digests = links.get("allowed_digests") or ["sha1"]
        return cls(
            segments=min(10_000, int(slo.get("max_manifest_segments") or 1000)),
            segment_bytes=min(
                _LARGEST_SEGMENT, int(swift.get("max_file_size") or cls.segment_bytes)
            ),
            container_keys="incoming_remove_headers" in links,
            digest=next(name for name in ("sha256", "sha512", "sha1", *digests) if name in digests),
        )

    def shape(self, size: int | None, smallest: int, largest: int) -> Shape:
        """Segments for an object of ``size``, or for any up to ``largest`` while it is unknown.

        Raises InvalidInput for one that is larger.
        """
        if size is None:
            return self._growing(smallest, largest)
        needed = -(-size // max(1, int(self.segments * _SPARE)))
        each = max(smallest, -(-needed // TREE_LEAF) * TREE_LEAF)
        if size > largest or each > self.segment_bytes:
            raise InvalidInput(f"at most {largest} bytes", code="too_large")
        return Shape(each)

    def _growing(self, smallest: int, largest: int) -> Shape:
        """Doubling as late as the limit still holds ``largest`` keeps segments small longest."""
        most = self.segment_bytes // TREE_LEAF * TREE_LEAF
        each = min(smallest, most)
        while True:
            if (shape := self._reaching(each, largest)) is not None:
                return shape
            if each == most:
                cause = "max_object_bytes is more than the server's segments hold"
                raise InvalidInput(cause, code="too_large")
            each = min(2 * each, most)

    def _reaching(self, each: int, largest: int) -> Shape | None:
        if self.segments * each >= largest:
            return Shape(each)
        doublings = (self.segment_bytes // each).bit_length() - 1
        soonest = -(-self.segments // (doublings + 1))
        for growth in range(self.segments - 1, soonest - 1, -1):
            if offset_of_part(self.segments + 1, each, growth) >= largest:
                return Shape(each, growth)
        return None

    def count(self, size: int | None, shape: Shape) -> int:
        """How many segments there are; the most there may be while the size is unknown."""
        if size is None:
            return self.segments
        return count_of_parts(size, shape.part_size, shape.growth)
