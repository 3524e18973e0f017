"""Tasks that end together: the first failure cancels the rest and is raised by itself."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from stowage_contracts.errors import StowageError


async def together(*work: Coroutine[Any, Any, None]) -> None:
    """Run all at once. Raises the first StowageError, or the group when none is one."""
    try:
        async with asyncio.TaskGroup() as group:
            for item in work:
                group.create_task(item)
    except BaseExceptionGroup as failed:  # Python 3.11.2 wraps what an except* block raises
        told = failed.subgroup(StowageError)
        raise (_first(told) if told else failed) from None


def _first(failed: BaseExceptionGroup[StowageError]) -> StowageError:
    error = failed.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
