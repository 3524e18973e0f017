"""Reads that are tried again inside the hop before it gives up."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, runtime_checkable

from stowage_contracts.errors import Unavailable
from stowage_contracts.values import Range

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


@runtime_checkable
class Stretching(Protocol):
    """A source that is read cheaper in long stretches, each from its start to its end."""

    @property
    def stretch(self) -> int:
        """Bytes of one; 0 where ranges cost nothing."""
        ...

    def ahead(self, extent: Range) -> None:
        """``extent`` will be read in order; as many stretches at once as reads."""
        ...
