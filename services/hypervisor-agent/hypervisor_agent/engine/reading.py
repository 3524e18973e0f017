"""Reads that are tried again inside the hop before it gives up."""

import asyncio
from collections.abc import Awaitable, Callable

from stowage_contracts.errors import Unavailable

RETRY_SECONDS = (0.2, 1.0, 3.0)
"""Pauses before a range is asked for again."""


async def patiently(work: Callable[[], Awaitable[None]]) -> None:
    """``work``, again after each Unavailable until the pauses are used up."""
    for pause in RETRY_SECONDS:
        try:
            await work()
            return
        except Unavailable:
            await asyncio.sleep(pause)
    await work()
