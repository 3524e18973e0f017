"""Stall, not timeout: time counts only while no byte moves."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from stowage_contracts.errors import Stalled

Moved = Callable[[], None]


@asynccontextmanager
async def stall_limit(seconds: float, what: str) -> AsyncIterator[Moved]:
    """Yields what to call whenever bytes moved; raises Stalled after ``seconds`` without."""
    clock = asyncio.get_running_loop().time
    try:
        async with asyncio.timeout(seconds) as limit:
            yield lambda: limit.reschedule(clock() + seconds)
    except TimeoutError:
        raise Stalled(
            f"no bytes for {seconds:g} s", resource=what, hint="the transfer resumes where it was"
        ) from None
