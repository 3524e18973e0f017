import asyncio
from dataclasses import dataclass

import pytest
from hypervisor_agent.engine.reins import Reins, Yielded
from hypervisor_agent.engine.stall import stall_limit
from hypervisor_agent.engine.throttle import Throttle

FOREVER = 1
"""Bytes a second at which no test would end."""


@dataclass
class Clock:
    """Moved by hand."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


async def blocked(task: asyncio.Task[None]) -> bool:
    for _ in range(5):
        await asyncio.sleep(0)
    return not task.done()


async def test_without_a_limit_nobody_waits() -> None:
    await Throttle().spend(1 << 40)


async def test_bytes_that_were_earned_cost_no_wait() -> None:
    clock = Clock()
    throttle = Throttle(1000, clock)
    waiting = asyncio.create_task(throttle.spend(5000))
    assert await blocked(waiting)
    clock.now = 5.0
    throttle.set(1000)
    await waiting


async def test_lanes_share_one_limit() -> None:
    clock = Clock()
    throttle = Throttle(1000, clock)
    first, second = (asyncio.create_task(throttle.spend(2000)) for _ in range(2))
    assert await blocked(first)
    clock.now = 2.0
    throttle.set(1000)
    await first
    assert await blocked(second)
    clock.now = 4.0
    throttle.set(1000)
    await second


async def test_little_is_saved_up_while_nothing_moves() -> None:
    clock = Clock()
    throttle = Throttle(1000, clock)
    clock.now = 3600.0
    waiting = asyncio.create_task(throttle.spend(1000))
    assert await blocked(waiting)
    throttle.set(None)
    await waiting


@pytest.mark.parametrize("limit", [None, 1 << 40])
async def test_a_new_limit_holds_for_those_who_wait(limit: int | None) -> None:
    throttle = Throttle(FOREVER)
    waiting = asyncio.create_task(throttle.spend(1 << 30))
    assert await blocked(waiting)
    throttle.set(limit)
    async with asyncio.timeout(10):
        await waiting


async def test_a_limit_set_later_counts_only_what_comes_then() -> None:
    clock = Clock()
    throttle = Throttle(None, clock)
    await throttle.spend(1 << 40)
    throttle.set(1000)
    clock.now = 1.0
    await throttle.spend(250)


async def test_reads_are_cut_into_pieces_only_under_a_limit() -> None:
    buffer = memoryview(bytearray(4 << 20))
    assert [len(piece) for piece in Reins().pieces(buffer)] == [4 << 20]
    assert [len(piece) for piece in Reins(4 << 20).pieces(buffer)] == [1 << 20] * 4


async def test_bytes_told_of_in_the_middle_of_a_read_are_not_charged_again() -> None:
    reins = Reins(FOREVER << 20)
    await reins.arrived(1000, lambda: None)
    await reins.settle(1000)


async def test_who_waits_for_speed_stops_at_once_when_the_hop_is_to_stop() -> None:
    reins = Reins(FOREVER)
    waiting = asyncio.create_task(reins.arrived(1 << 30, lambda: None))
    assert await blocked(waiting)
    reins.stop()
    with pytest.raises(Yielded):
        await waiting


async def test_what_waits_for_a_range_that_was_given_up_is_left() -> None:
    reins, never = Reins(), asyncio.Event()

    async def forever() -> None:
        await never.wait()

    waiting = asyncio.create_task(reins.unless_stopped(forever()))
    assert await blocked(waiting)
    reins.stop()
    await waiting


async def test_under_a_limit_one_lane_goes_at_a_time() -> None:
    reins, entered, leave = Reins(FOREVER), [], asyncio.Event()

    async def lane(number: int) -> None:
        async with reins.lane():
            entered.append(number)
            await leave.wait()

    lanes = [asyncio.create_task(lane(number)) for number in range(3)]
    assert await blocked(lanes[0])
    assert entered == [0]
    reins.limit(None)
    assert await blocked(lanes[1])
    assert entered == [0, 1, 2]
    leave.set()
    await asyncio.gather(*lanes)


async def test_who_waits_for_a_low_limit_is_not_stalled() -> None:
    reins = Reins(FOREVER)
    async with stall_limit(1.5, "source") as moved:
        waiting = asyncio.create_task(reins.arrived(1 << 30, moved))
        await asyncio.sleep(2.5)
        assert not waiting.done()
        waiting.cancel()
