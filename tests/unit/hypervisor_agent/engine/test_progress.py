"""Progress never goes back and tells rate and time left."""

from __future__ import annotations

import asyncio

import pytest
from hypervisor_agent.engine.progress import Meter
from hypervisor_agent.engine.stall import stall_limit
from stowage_contracts.errors import Stalled


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_rate_and_time_left_follow_the_last_seconds() -> None:
    clock = Clock()
    meter = Meter(clock)
    meter.total = 1000
    for second in range(1, 21):
        clock.now = second
        meter.stored(10 if second <= 10 else 40, read=0)
        shown = meter.transfer()
    assert shown.bytes_done == 500
    assert shown.bytes_per_second == pytest.approx(40)
    assert shown.eta_seconds == pytest.approx(12.5)


def test_bytes_on_their_way_count_and_are_not_counted_twice() -> None:
    meter = Meter(Clock())
    meter.total, arrived = 100, 60
    meter.arriving = lambda: arrived
    assert meter.transfer().bytes_done == 60
    meter.stored(60, read=60)
    assert meter.transfer().bytes_done == 60


def test_it_never_goes_back_nor_beyond_the_end() -> None:
    meter = Meter(Clock())
    meter.total, arrived = 100, 150
    meter.arriving = lambda: arrived
    assert meter.transfer().bytes_done == 100
    arrived = 10
    assert meter.transfer().bytes_done == 100


async def test_a_limit_counts_only_while_nothing_moves() -> None:
    async with stall_limit(0.2, "x") as moved:
        for _ in range(8):
            await asyncio.sleep(0.05)
            moved()
    with pytest.raises(Stalled) as caught:
        async with stall_limit(0.02, "the source"):
            await asyncio.sleep(5)
    assert caught.value.resource == "the source"
