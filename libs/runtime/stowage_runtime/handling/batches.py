"""Batches: what arrives while work is under way is worked on together, in its order."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from stowage_contracts.errors import Unavailable

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class _Waiting(Generic[T]):
    item: T
    done: asyncio.Future[None]


class Batches(Generic[T]):
    """One batch at a time. When one fails, each item of it is worked on alone, so that a bad one
    costs the others only time; while the database is away all of it fails."""

    def __init__(
        self,
        work: Callable[[Sequence[T]], Awaitable[None]],
        *,
        most: int = 128,
        gather_seconds: float = 0,
    ) -> None:
        """``gather_seconds``: how long the first one waits for others."""
        self._work, self._most, self._gather = work, most, gather_seconds
        self._waiting: list[_Waiting[T]] = []
        self._batch: list[_Waiting[T]] = []
        self._task: asyncio.Task[None] | None = None

    async def put(self, item: T) -> None:
        """Return when the item was worked on; raises what that raised."""
        waiting = _Waiting(item, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        try:
            await waiting.done
        except asyncio.CancelledError:
            self._abandon()
            raise

    def _abandon(self) -> None:
        """Break off a batch that nobody waits for any more; a task that has not begun one would
        end without a successor."""
        left = self._batch and all(each.done.cancelled() for each in self._batch)
        if self._task is not None and left:
            self._task.cancel()

    async def _run(self) -> None:
        try:
            while self._waiting:
                if self._gather:
                    await asyncio.sleep(self._gather)
                self._batch, self._waiting = (
                    self._waiting[: self._most],
                    self._waiting[self._most :],
                )
                await self._together()
        finally:
            self._task, self._batch = None, []
            if self._waiting:
                self._task = asyncio.create_task(self._run())

    async def _together(self) -> None:
        items = [each.item for each in self._batch]
        try:
            await self._work(items)
        except Exception as error:
            if len(items) == 1 or _away(error):
                for each in self._batch:
                    _fail(each.done, error)
            else:
                for each in self._batch:
                    await self._alone(each)
        else:
            for each in self._batch:
                if not each.done.done():
                    each.done.set_result(None)

    async def _alone(self, each: _Waiting[T]) -> None:
        if each.done.done():
            return
        try:
            await self._work([each.item])
        except Exception as error:
            _fail(each.done, error)
        else:
            if not each.done.done():
                each.done.set_result(None)


def _away(error: Exception) -> bool:
    return isinstance(error, Unavailable) and error.code == "unavailable.database"


def _fail(done: asyncio.Future[None], error: Exception) -> None:
    if not done.done():
        done.set_exception(error)
