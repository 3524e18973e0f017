"""Blocking calls never hold the loop, and stuck ones cost a bounded number of threads."""

import asyncio
import threading

import pytest
from stowage_contracts.errors import Unavailable
from stowage_stores.deadlines import Deadlines


async def test_an_answer_or_an_error_comes_through() -> None:
    deadlines = Deadlines("/store", 10)
    assert await deadlines.run(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await deadlines.run(lambda: 1 // 0)


async def test_a_stuck_call_ends_at_the_deadline_and_the_loop_goes_on() -> None:
    released = threading.Event()
    deadlines = Deadlines("/store", 0.05)
    with pytest.raises(Unavailable) as caught:
        await deadlines.run(released.wait)
    assert caught.value.code == "unavailable.stuck"
    assert caught.value.resource == "/store"
    released.set()


async def test_stuck_calls_hold_eight_threads_and_come_back() -> None:
    released = threading.Event()
    deadlines = Deadlines("/store", 0.05)
    before = threading.active_count()
    ended = await asyncio.gather(
        *(deadlines.run(released.wait) for _ in range(20)), return_exceptions=True
    )
    assert all(isinstance(error, Unavailable) for error in ended)
    assert threading.active_count() - before <= 8
    released.set()
    assert await Deadlines("/store", 5).run(lambda: 1) == 1
    async with asyncio.timeout(10):
        while threading.active_count() > before:
            await asyncio.sleep(0.01)
    assert await deadlines.run(lambda: 2) == 2
