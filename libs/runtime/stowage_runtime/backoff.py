"""Back-off: exponential delays with jitter, so that many who failed together do not return so."""

import asyncio
import random
from dataclasses import dataclass


def delay(attempt: int, first: float, cap: float) -> float:
    """Seconds to wait after failed attempt number ``attempt`` (from 1): half fixed, half random."""
    whole = min(cap, first * 2.0 ** min(attempt - 1, 30))
    return whole / 2 + random.uniform(0, whole / 2)  # noqa: S311 - spreading, not secrecy


@dataclass
class Backoff:
    """Waits longer after each failure in a row."""

    first: float
    cap: float
    failures: int = 0

    def reset(self) -> None:
        """It worked."""
        self.failures = 0

    def next(self) -> float:
        """Seconds to wait after one more failure."""
        self.failures += 1
        return delay(self.failures, self.first, self.cap)


async def wait(event: asyncio.Event, seconds: float) -> bool:
    """Wait for ``event`` for at most ``seconds``; whether it is set."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return event.is_set()
