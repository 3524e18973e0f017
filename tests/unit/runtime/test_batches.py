"""What arrives together is worked on together, and a bad item costs the others only time."""

import asyncio
from collections.abc import Sequence

import pytest
from stowage_contracts.errors import InvalidInput, Unavailable
from stowage_runtime.handling.batches import Batches


class Work:
    """Remembers its batches; fails where an item says so."""

    def __init__(self, **errors: Exception) -> None:
        self.errors = errors
        self.batches: list[list[str]] = []

    async def __call__(self, items: Sequence[str]) -> None:
        await asyncio.sleep(0)
        self.batches.append(list(items))
        for item in items:
            if item in self.errors:
                raise self.errors[item]


async def put_all(batches: Batches[str], *items: str) -> list[BaseException | None]:
    return await asyncio.gather(*map(batches.put, items), return_exceptions=True)


async def test_what_waits_at_the_same_time_is_one_batch_in_its_order() -> None:
    work = Work()
    assert await put_all(Batches(work), "a", "b", "c") == [None, None, None]
    assert work.batches == [["a", "b", "c"]]


async def test_a_batch_is_bounded() -> None:
    work = Work()
    await put_all(Batches(work, most=2), "a", "b", "c")
    assert work.batches == [["a", "b"], ["c"]]


async def test_a_bad_item_fails_alone_and_the_others_are_done() -> None:
    bad = InvalidInput("no", code="bad")
    work = Work(b=bad)
    assert await put_all(Batches(work), "a", "b", "c") == [None, bad, None]
    assert work.batches == [["a", "b", "c"], ["a"], ["b"], ["c"]]


async def test_while_the_database_is_away_nothing_is_tried_one_by_one() -> None:
    away = Unavailable("gone", code="database")
    work = Work(a=away)
    assert await put_all(Batches(work), "a", "b") == [away, away]
    assert work.batches == [["a", "b"]]


async def test_a_batch_nobody_waits_for_is_broken_off() -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def forever(_items: Sequence[str]) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.create_task(Batches(forever).put("a"))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5):
        await ended.wait()


async def test_work_goes_on_after_waiters_left_one_after_the_other() -> None:
    work = Work()
    batches = Batches(work, gather_seconds=0.01)
    first, second = (asyncio.create_task(batches.put(item)) for item in "ab")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    async with asyncio.timeout(5):
        await batches.put("c")
    assert "c" in work.batches[-1]


async def test_work_goes_on_after_waiters_left_while_a_batch_ran() -> None:
    gate, batches_seen = asyncio.Event(), list[list[str]]()

    async def work(items: Sequence[str]) -> None:
        batches_seen.append(list(items))
        await gate.wait()

    batches = Batches(work)
    first = asyncio.create_task(batches.put("a"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    second = asyncio.create_task(batches.put("b"))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    gate.set()
    async with asyncio.timeout(5):
        await batches.put("c")
    assert "c" in batches_seen[-1]
