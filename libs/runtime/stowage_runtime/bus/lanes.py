"""Runs jobs side by side, bounded, but jobs of one key one after the other."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from stowage_contracts.errors import StowageError

Job = Callable[[], Awaitable[None]]


class Lanes:
    """Takes as many jobs as its caller's prefetch allows; ``parallel`` of them run at once."""

    def __init__(self, parallel: int) -> None:
        self._slots = asyncio.Semaphore(parallel)
        self._tails: dict[str, asyncio.Task[None]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._stopping = False

    def put(self, key: str, job: Job) -> None:
        """Queue ``job`` behind the others of its key; an empty key waits for nobody."""
        before = self._tails.get(key) if key else None
        task = asyncio.get_running_loop().create_task(self._run(before, job))
        self._running.add(task)
        if key:
            self._tails[key] = task
        task.add_done_callback(lambda done: self._forget(key, done))

    def halt(self) -> None:
        """Start no further job."""
        self._stopping = True

    async def stop(self, seconds: float) -> None:
        """Halt, wait for what runs, cancel what takes too long."""
        self.halt()
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)
        for task in list(self._running):
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)

    async def _run(self, before: asyncio.Task[None] | None, job: Job) -> None:
        if before is not None:
            await asyncio.wait([before])
        async with self._slots:
            if not self._stopping:
                await job()

    def _forget(self, key: str, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if self._tails.get(key) is task:
            del self._tails[key]
        with suppress(asyncio.CancelledError):
            _tell(task.exception())


def _tell(error: BaseException | None) -> None:
    """A fault of ours with its place; what broke elsewhere in a line, as it may break often."""
    log = structlog.get_logger(__name__)
    if isinstance(error, StowageError):
        log.warning("bus.job_failed", code=error.code, cause=error.cause)
    elif error is not None:
        log.error("bus.job_failed", exc_info=error)
