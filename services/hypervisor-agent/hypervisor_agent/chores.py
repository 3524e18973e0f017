"""Short tasks beside the hops: commits, inspections, sweeping. Bounded, and ended in order."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog
from stowage_contracts.errors import Unavailable

MOST = 64
PARALLEL = 4
log = structlog.get_logger(__name__)


class Chores:
    """Runs them a few at a time; one of each name."""

    def __init__(self, parallel: int = PARALLEL) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(parallel)

    def begin(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Start, unless one of that name runs. Raises Unavailable when there are too many:
        the message that asked for it is delivered again."""
        if name in self._tasks or len(self._tasks) >= MOST:
            work.close()
            if name in self._tasks:
                return
            raise Unavailable("too many chores are waiting", code="busy")
        task = asyncio.create_task(self._run(name, work), name=name)
        self._tasks[name] = task
        task.add_done_callback(lambda _: self._tasks.pop(name, None))

    async def stop(self, seconds: float) -> None:
        """Let what runs end within ``seconds``; cancel the rest."""
        tasks = list(self._tasks.values())
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _run(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            async with self._slots:
                await work
        except Exception as error:  # whoever asked asks again: each chore has a sweeper behind it
            log.error("chore.failed", chore=name, exc_info=error)
        finally:
            work.close()
