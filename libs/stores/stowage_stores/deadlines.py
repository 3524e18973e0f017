"""Blocking calls in threads with a deadline, so that a dead mount never blocks the loop."""

import asyncio
import contextlib
import threading
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from typing import TypeVar

from stowage_contracts.errors import Unavailable

T = TypeVar("T")
_THREADS = 8


class Deadlines:
    """Runs work in daemon threads: one stuck in the kernel keeps neither loop nor exit waiting.

    At most eight run at a time; a stuck one keeps its place until the kernel lets it go, so a
    dead store costs eight threads and then only waiting.
    """

    def __init__(self, resource: str, seconds: float) -> None:
        self._resource, self._seconds = resource, seconds
        self._free = asyncio.Semaphore(_THREADS)

    async def run(self, work: Callable[[], T], *, times: int = 1) -> T:
        """What ``work`` answers or raises; Unavailable after ``times`` times the deadline."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._seconds * times):
                await self._free.acquire()
                answer: Future[T] = loop.create_future()
                threading.Thread(target=self._work, args=(work, loop, answer), daemon=True).start()
                return await answer
        except TimeoutError:
            raise Unavailable(
                f"no answer within {self._seconds * times:g} s",
                resource=self._resource,
                code="stuck",
                hint="is its server up? A dead mount must be mounted again",
            ) from None

    def _work(self, work: Callable[[], T], loop: AbstractEventLoop, answer: "Future[T]") -> None:
        try:
            result = work()
        except BaseException as error:
            self._hand_over(loop, answer, _raise(answer, error))
        else:
            self._hand_over(loop, answer, lambda: answer.set_result(result))

    def _hand_over(
        self, loop: AbstractEventLoop, answer: "Future[T]", settle: Callable[[], None]
    ) -> None:
        def done() -> None:
            self._free.release()
            if not answer.done():
                settle()

        with contextlib.suppress(RuntimeError):  # the loop ended while the call was stuck
            loop.call_soon_threadsafe(done)


def _raise(answer: "Future[T]", error: BaseException) -> Callable[[], None]:
    return lambda: answer.set_exception(error)
