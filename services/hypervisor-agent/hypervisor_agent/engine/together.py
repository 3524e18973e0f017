"""Tasks that end together: the first failure cancels the rest and is raised by itself."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from stowage_contracts.errors import StowageError

A = TypeVar("A")
B = TypeVar("B")


async def both(first: Coroutine[Any, Any, A], second: Coroutine[Any, Any, B]) -> tuple[A, B]:
    """What both answer; raises as ``together``."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = group.create_task(first), group.create_task(second)
    except BaseExceptionGroup as failed:
        raise _told(failed) from None
    return tasks[0].result(), tasks[1].result()


async def together(*work: Coroutine[Any, Any, None]) -> None:
    """Run all at once. Raises the first StowageError, or the group when none is one."""
    try:
        async with asyncio.TaskGroup() as group:
            for item in work:
                group.create_task(item)
    except BaseExceptionGroup as failed:  # Python 3.11.2 wraps what an except* block raises
        raise _told(failed) from None


def _told(failed: BaseExceptionGroup[BaseException]) -> BaseException:
    told = failed.subgroup(StowageError)
    return _first(told) if told else failed


def _first(failed: BaseExceptionGroup[StowageError]) -> StowageError:
    error = failed.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
