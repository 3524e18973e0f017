"""Ranges: merging them, and claiming the next piece of work in order."""

from collections import deque
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
    rest: Range | None = None
    """What is read after it on the same connection."""


class Work:
    """Hands out parts in order and remembers which are done.

    With a stretch, that many bytes at a time are read part by part one after the other, several
    stretches beside each other.
    """

    def __init__(self, size: int, part: int, journal: tuple[Range, ...], stretch: int = 0) -> None:
        self.size, self._part, self._journal = size, part, journal
        self.stretch = stretch // part * part
        self._next = 0
        self._done: tuple[Range, ...] = journal
        self._begun: deque[Range] = deque()

    @property
    def position(self) -> int:
        """Where the next claim begins; ``size`` when nothing is left."""
        return self._next

    @property
    def done(self) -> tuple[Range, ...]:
        """What the destination holds, merged."""
        return self._done

    def claim_along(self) -> Claim | None:
        """The next part of a stretch nobody reads from now, or of a new one; None at the end."""
        if not self._begun and self._next < self.size:
            length = min(self.stretch, self.size - self._next)
            self._begun.append(Range(offset=self._next, length=length))
            self._next += length
        if not self._begun:
            return None
        run = self._begun.popleft()
        extent = Range(offset=run.offset, length=min(self._part, run.length))
        left = run.length - extent.length
        return Claim(extent, False, Range(offset=extent.end, length=left) if left else None)

    def read(self, claim: Claim) -> None:
        """A claim was read, so whoever is next may go on after it."""
        if claim.rest is not None:
            self._begun.append(claim.rest)

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
