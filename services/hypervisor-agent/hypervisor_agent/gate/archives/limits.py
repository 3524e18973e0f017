"""How much a compressed image may become, and how long that may take."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hypervisor_agent.gate.terms import Refused

PIECE = 256 * 1024
"""Bytes unpacked at a time."""
_GIB = 1 << 30


@dataclass(frozen=True)
class Limits:
    """Bounds of one unpacking."""

    max_bytes: int
    """Of what comes out."""
    ratio: int = 300
    """Bytes out for each byte in. Installed disks stay below 100, mostly empty ones below 300."""
    grace: int = 16 * 1024 * 1024
    """Bytes for which the ratio does not count."""
    seconds: float = 30.0
    """Processor time that is never too much."""
    seconds_per_gib: float = 600.0
    """Processor time for what went in and came out; honest streams take a tenth of it."""


class Meter:
    """Counts bytes and processor time against the limits."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._seconds = 0.0
        self.taken = self.given = 0

    @contextmanager
    def working(self) -> Iterator[None]:
        """Time one step of the calling thread."""
        before = time.thread_time()
        yield
        self._seconds += time.thread_time() - before
        moved = (self.taken + self.given) / _GIB
        if self._seconds > self._limits.seconds + self._limits.seconds_per_gib * moved:
            raise Refused("bomb", "unpacking it takes too long for what comes out")

    def give(self, count: int) -> None:
        """That many bytes came out."""
        limits = self._limits
        self.given += count
        if self.given > limits.max_bytes:
            raise Refused("too_large", f"it unpacks to more than {limits.max_bytes} bytes")
        if self.given > max(limits.grace, limits.ratio * self.taken):
            text = f"{self.taken} bytes unpack to more than {limits.ratio} times as many"
            raise Refused("bomb", text)
