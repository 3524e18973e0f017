"""Buffers are bounded, reused, lent in order, and never lent twice."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypervisor_agent.engine.buffers import Buffers, Dismissed
from stowage_contracts.errors import InvalidInput


async def test_the_budget_is_never_passed_and_everybody_gets_a_turn() -> None:
    buffers = Buffers(100)
    lent = most = 0
    order = random.Random(1)

    async def borrow(size: int) -> None:
        nonlocal lent, most
        async with buffers.lend(size) as view:
            assert len(view) == size
            lent += size
            most = max(most, lent)
            await asyncio.sleep(0)
            lent -= size

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        for _ in range(300):
            group.create_task(borrow(order.randint(1, 60)))
    assert lent == 0
    assert 60 <= most <= 100


async def test_a_buffer_is_used_again() -> None:
    buffers = Buffers(100)
    async with buffers.lend(50) as view:
        first = view.obj
    async with buffers.lend(50) as view:
        assert view.obj is first


async def test_a_buffer_of_a_failed_block_is_not_used_again() -> None:
    buffers = Buffers(100)
    lent: list[object] = []

    async def fail() -> None:
        async with buffers.lend(50) as view:
            lent.append(view.obj)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with buffers.lend(50) as view:
        assert view.obj is not lent[0]


async def test_who_gives_up_waiting_keeps_nobody_waiting() -> None:
    buffers = Buffers(100)
    async with buffers.lend(60):
        big = asyncio.create_task(_borrow(buffers, 100))
        small = asyncio.create_task(_borrow(buffers, 40))
        await asyncio.sleep(0)
        assert not small.done()
        big.cancel()
        await asyncio.wait([big])
        async with asyncio.timeout(5):
            await small
    await _borrow(buffers, 100)


async def test_more_than_the_budget_is_refused() -> None:
    with pytest.raises(InvalidInput):
        await _borrow(Buffers(100), 101)


async def _borrow(buffers: Buffers, size: int, whose: object = None) -> None:
    async with buffers.lend(size, whose):
        pass


async def test_who_holds_nothing_waits_for_nobody() -> None:
    buffers = Buffers(100)
    async with buffers.lend(100, whose="slow"):
        async with asyncio.timeout(5), buffers.lend(40, whose="new"):
            second = asyncio.create_task(_borrow(buffers, 40, whose="new"))
            await asyncio.sleep(0)
            assert not second.done()
        second.cancel()
        async with asyncio.timeout(5), buffers.lend(40, whose="new"):
            pass
    await _borrow(buffers, 100)


async def test_who_is_dismissed_waits_no_longer_and_nobody_else_is() -> None:
    buffers = Buffers(100)
    async with buffers.lend(100, whose="slow"), buffers.lend(10, whose="done"):
        idle = asyncio.create_task(_borrow(buffers, 40, whose="done"))
        other = asyncio.create_task(_borrow(buffers, 40))
        await asyncio.sleep(0)
        buffers.dismiss("done")
        async with asyncio.timeout(5):
            with pytest.raises(Dismissed):
                await idle
        assert not other.done()
    async with asyncio.timeout(5):
        await other
    await _borrow(buffers, 100)


async def test_who_gives_up_just_when_it_is_its_turn_takes_nothing_along() -> None:
    buffers = Buffers(100)
    async with buffers.lend(100):
        gone = asyncio.create_task(_borrow(buffers, 100))
        next_one = asyncio.create_task(_borrow(buffers, 60))
        await asyncio.sleep(0)
        gone.cancel()
    async with asyncio.timeout(5):
        await asyncio.wait([gone])
        await next_one
    assert gone.cancelled()
    await _borrow(buffers, 100)
