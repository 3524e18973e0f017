"""What one caller may ask: requests a second and streams at once. Memory is bounded."""

import hashlib
import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from stowage_contracts.errors import NotAuthorized, TooMany

from stowage_runtime.http import Call

Clock = Callable[[], float]
MOST_CALLERS = 10_000
"""Remembered at once; whoever was silent for the longest is forgotten, as if it had never asked."""


@dataclass(frozen=True)
class Rates:
    """Per caller; 0 is no limit."""

    per_second: float = 0
    burst: int = 1
    """So many at once, after some silence."""
    refused_per_second: float = 0
    """Requests with a wrong key, of one address."""
    streams: int = 0


class Buckets:
    """Token buckets by name: each fills at ``rate`` tokens a second, up to ``burst``."""

    def __init__(self, rate: float, burst: int, clock: Clock = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, max(burst, 1), clock
        self._kept: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def check(self, name: str) -> None:
        """Raises TooMany while there is no token, with the seconds until there is one."""
        have = self._tokens(name, self._clock())
        if self._rate and have < 1:
            raise TooMany(
                f"more than {self._rate:g} requests a second",
                code="requests",
                hint="ask again after Retry-After; wait=ready and /v1/events ask less often",
                retry_after=(1 - have) / self._rate,
            )

    def take(self, name: str) -> None:
        """As ``check``, and takes it."""
        if not self._rate:
            return
        self.check(name)
        now = self._clock()
        self._kept[name] = (self._tokens(name, now) - 1, now)
        self._kept.move_to_end(name)
        if len(self._kept) > MOST_CALLERS:
            self._kept.popitem(last=False)

    def _tokens(self, name: str, now: float) -> float:
        tokens, since = self._kept.get(name, (float(self._burst), now))
        return min(float(self._burst), tokens + (now - since) * self._rate)


class Limiter:
    """One server's limits, and who has used how much of them."""

    def __init__(self, rates: Rates, clock: Clock = time.monotonic) -> None:
        self._most_streams = rates.streams
        self._streams: Counter[str] = Counter()
        self.requests = Buckets(rates.per_second, rates.burst, clock)
        refusals = math.ceil(rates.refused_per_second * 10)
        self.refusals = Buckets(rates.refused_per_second, refusals, clock)

    @contextmanager
    def tries(self, address: str) -> Iterator[None]:
        """While somebody at an address is identified; raises TooMany after many failures."""
        self.refusals.check(address)
        try:
            yield
        except NotAuthorized:
            self.refusals.take(address)
            raise

    @contextmanager
    def stream(self, caller: str) -> Iterator[None]:
        """While a stream is open; raises TooMany beyond the most at once."""
        if self._most_streams and self._streams[caller] >= self._most_streams:
            raise TooMany(
                f"{self._most_streams} streams are open",
                code="streams",
                hint="close one: a single stream can follow everything",
                retry_after=5.0,
            )
        self._streams[caller] += 1
        try:
            yield
        finally:
            self._streams[caller] -= 1
            if not self._streams[caller]:
                del self._streams[caller]


def caller_of(call: Call) -> str:
    """Names who asks without telling its key; an address where no key is given."""
    key = call.headers.get("Authorization") or call.headers.get("Cookie") or ""
    return (
        hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=16).hexdigest()
        if key
        else (f"from {call.remote}")
    )
