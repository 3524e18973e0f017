"""Loops that run for the life of a service; one that ends on its own is a crash."""

import asyncio
from typing import NoReturn, Protocol

import structlog

log = structlog.get_logger(__name__)


class Loop(Protocol):
    """Runs until told to stop."""

    async def run(self) -> None:
        """Work; returns only after ``stop``."""
        ...

    def stop(self) -> None:
        """Finish what is under way and return; when it is cancelled instead, hand it back."""
        ...


class Loops:
    """Starts loops, notices the first that ends, and stops them in the order asked for."""

    def __init__(self) -> None:
        self._loops: dict[str, tuple[Loop, asyncio.Task[None]]] = {}

    def start(self, name: str, loop: Loop) -> None:
        """Run ``loop`` in a task."""
        self._loops[name] = loop, asyncio.create_task(loop.run(), name=name)

    @property
    def ended(self) -> list[str]:
        """Names of the loops that should run and do not."""
        return [name for name, (_, task) in self._loops.items() if task.done()]

    async def crashed(self) -> NoReturn:
        """Wait until a loop ends before it was stopped; raises its error, or RuntimeError."""
        tasks = [task for _, task in self._loops.values()]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        name = self.ended[0]
        task = self._loops[name][1]
        raise RuntimeError(f"{name} ended") from (None if task.cancelled() else task.exception())

    async def stop(self, name: str, seconds: float) -> None:
        """Let a loop finish for at most ``seconds``, then cancel it; never raises what it did."""
        if name not in self._loops:
            return
        loop, task = self._loops.pop(name)
        loop.stop()
        done, _ = await asyncio.wait([task], timeout=max(0.0, seconds))
        if not done:
            log.warning("service.loop_cut_short", loop=name)
            task.cancel()
            await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()):
            log.error("service.loop_broke", loop=name, exc_info=error)
