"""Ranges: merging them, and claiming the next piece of work in order."""

from collections.abc import Iterable
from dataclasses import dataclass

from stowage_contracts.values import Range

MOST_ZEROS = 16 << 30
"""Longest hole claimed at once, so that its leaf digests stay small."""


def merge(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """The same bytes as few ranges, in order."""
    merged: list[Range] = []
    for item in sorted(ranges, key=lambda r: r.offset):
        if merged and item.offset <= merged[-1].end:
            last = merged.pop()
            end = max(last.end, item.end)
            merged.append(Range(offset=last.offset, length=end - last.offset))
        else:
            merged.append(item)
    return tuple(merged)


def covers(ranges: tuple[Range, ...], wanted: Range) -> bool:
    """Whether one of the merged ``ranges`` holds all of ``wanted``."""
    return any(r.offset <= wanted.offset and wanted.end <= r.end for r in ranges)


@dataclass(frozen=True)
class Claim:
    """A run of whole parts one lane works on."""

    extent: Range
    journaled: bool


class Work:
    """Hands out parts in order and remembers which are done."""

    def __init__(self, size: int, part: int, journal: tuple[Range, ...]) -> None:
        self.size, self._part, self._journal = size, part, journal
        self._next = 0
        self._done: tuple[Range, ...] = journal

    @property
    def position(self) -> int:
        """Where the next claim begins; ``size`` when nothing is left."""
        return self._next

    @property
    def done(self) -> tuple[Range, ...]:
        """What the destination holds, merged."""
        return self._done

    def claim(self) -> Claim | None:
        """The next part, or None."""
        if self._next >= self.size:
            return None
        length = min(self._part, self.size - self._next)
        extent = Range(offset=self._next, length=length)
        self._next = extent.end
        return Claim(extent, covers(self._journal, extent))

    def claim_zeros(self, data: int) -> Claim | None:
        """All whole parts before ``data`` that nobody journaled, or None if there is none."""
        later = [r.offset for r in self._journal if r.end > self._next]
        end = min([data, self._next + MOST_ZEROS, *later])
        end = self.size if end >= self.size else end // self._part * self._part
        if end <= self._next:
            return None
        extent = Range(offset=self._next, length=end - self._next)
        self._next = end
        return Claim(extent, journaled=False)

    def finish(self, extent: Range) -> None:
        """A claim is stored."""
        self._done = merge((*self._done, extent))
