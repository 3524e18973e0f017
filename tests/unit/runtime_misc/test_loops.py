"""Loops end when they are told to; one that ends on its own is a crash with its cause."""

import asyncio

import pytest
from stowage_runtime.loops import Loops


class Worker:
    """A loop that ends as its test wants."""

    def __init__(self, error: Exception | None = None, *, deaf: bool = False) -> None:
        self.told, self.error, self.deaf = asyncio.Event(), error, deaf
        self.handed_back = False

    async def run(self) -> None:
        try:
            await (asyncio.Event() if self.deaf else self.told).wait()
        except asyncio.CancelledError:
            self.handed_back = True
            raise
        if self.error:
            raise self.error

    def stop(self) -> None:
        self.told.set()


async def test_a_stopped_loop_ends_and_is_no_longer_missed() -> None:
    loops = Loops()
    loops.start("relay", Worker())
    assert loops.ended == []
    await loops.stop("relay", 5)
    assert loops.ended == []


async def test_a_loop_that_does_not_end_in_time_is_cancelled() -> None:
    loops, worker = Loops(), Worker(deaf=True)
    loops.start("intents", worker)
    await asyncio.sleep(0)
    await loops.stop("intents", 0.05)
    assert worker.handed_back


async def test_an_error_while_stopping_is_not_raised() -> None:
    loops = Loops()
    loops.start("relay", Worker(ValueError("late")))
    await asyncio.sleep(0)
    await loops.stop("relay", 5)


async def test_a_loop_that_breaks_is_a_crash_with_its_cause() -> None:
    loops, worker = Loops(), Worker(ValueError("broken"))
    loops.start("relay", Worker())
    loops.start("timers", worker)
    worker.told.set()
    with pytest.raises(RuntimeError, match="timers ended") as caught:
        await asyncio.wait_for(loops.crashed(), 5)
    assert isinstance(caught.value.__cause__, ValueError)
    assert loops.ended == ["timers"]
    await loops.stop("relay", 5)


async def test_stopping_what_never_started_is_nothing() -> None:
    await Loops().stop("relay", 5)
