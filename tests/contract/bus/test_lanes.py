"""Lanes: bounded, in order for each key, stopped without losing count."""

import asyncio

from stowage_runtime.bus.lanes import Lanes
from stowage_runtime.testing.eventually import eventually


async def test_no_more_than_the_bound_run_at_once() -> None:
    lanes, running, most, done = Lanes(3), 0, 0, 0

    async def job() -> None:
        nonlocal running, most, done
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        done += 1

    for number in range(50):
        lanes.put(str(number), job)
    await eventually(lambda: done == 50)
    assert most == 3


async def test_a_failed_job_does_not_stop_its_key() -> None:
    lanes, done = Lanes(2), []

    async def fail() -> None:
        raise ValueError

    async def succeed() -> None:
        done.append(1)

    lanes.put("a", fail)
    lanes.put("a", succeed)
    await eventually(lambda: done == [1])
    await lanes.stop(1)


async def test_stopping_starts_nothing_more_and_cancels_what_takes_too_long() -> None:
    lanes, started = Lanes(2), []

    async def hang() -> None:
        started.append(1)
        await asyncio.Event().wait()

    for _ in range(5):
        lanes.put("a", hang)
    await eventually(lambda: started == [1])
    await lanes.stop(0.01)
    assert started == [1]
