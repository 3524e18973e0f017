"""Load of caches is counted per store and time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypervisor_agent.engine.progress import Meter, Pace
from hypervisor_agent.load import LoadMeter
from pydantic import SecretStr
from stowage_contracts.grants import Grant
from stowage_contracts.values import (
    CopyEnd,
    GrantRef,
    ImageFormat,
    ObjectKind,
    ObjectRef,
    ServiceName,
    StoreRole,
)


def cache(store_id: str, role: StoreRole = StoreRole.IMAGE_CACHE) -> CopyEnd:
    return CopyEnd(
        object=ObjectRef(kind=ObjectKind.TEMPLATE, id="t"),
        role=role,
        store_id=store_id,
        schemes=("file",),
        format=ImageFormat.RAW,
        grant=GrantRef(id="g", owner=ServiceName.CACHE_AUTOSCALER),
    )


def hop(clock: Callable[[], float], moved: Callable[[], int]) -> Meter:
    meter = Meter(clock)
    meter.arriving = moved
    return meter


def test_rates_add_up_and_the_best_is_remembered() -> None:
    now = [0.0]
    load = LoadMeter(lambda: now[0])
    moved = {"a": 0, "b": 0}
    ends = (cache("c1"), cache("s1", StoreRole.IMAGE))
    first = hop(lambda: now[0], lambda: moved["a"])
    second = hop(lambda: now[0], lambda: moved["b"])
    with load.moving(ends, first), load.moving(ends, second):
        now[0], moved["a"], moved["b"] = 2.0, 100, 300
        (told,) = load.report()
        assert (told.store_id, told.bytes_per_second, told.streams) == ("c1", 200.0, 2)
        now[0], moved["a"] = 3.0, 150
        (told,) = load.report()
        assert (told.bytes_per_second, told.shown_bytes_per_second) == (50.0, 200.0)
    now[0] = 4.0
    (told,) = load.report()
    assert (told.bytes_per_second, told.streams) == (0.0, 0)
    assert load.report() == ()


async def test_how_long_parts_took_is_told_of_the_end_that_took_them() -> None:
    now = [0.0]
    load = LoadMeter(lambda: now[0])
    meter = hop(lambda: now[0], lambda: int(now[0]))

    def part(seconds: float) -> Callable[[], Awaitable[None]]:
        async def took() -> None:
            now[0] += seconds

        return took

    with load.moving((cache("read"), cache("written")), meter):
        await meter.reading.timed(part(1.0))
        await meter.reading.timed(part(2.0))
        await meter.writing.timed(part(4.0))
        told = {each.store_id: each.latency_seconds for each in load.report()}
        assert told == {"read": pytest.approx(1.2), "written": 4.0}
    ended = {each.store_id: each.latency_seconds for each in load.report()}
    assert ended == {"read": pytest.approx(1.2), "written": 4.0}


async def test_a_part_that_failed_took_no_time() -> None:
    pace = Pace()

    async def breaks() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        await pace.timed(breaks)
    assert (pace.calls, pace.seconds) == (0, 0.0)


async def test_the_room_of_a_cache_is_told_where_it_can_be_seen(tmp_path: Path) -> None:
    load = LoadMeter()
    ends = (cache("c1"), cache("s1", StoreRole.IMAGE))
    uri = SecretStr((tmp_path / "t1").as_uri())
    grant = Grant(uri=uri, expires=datetime.now(UTC))
    with load.moving(ends, Meter()):
        assert load.report()[0].total_bytes == 0
        for end in ends:
            load.spaces.note(end, grant)
        async with asyncio.timeout(10):
            while not load.report()[0].total_bytes:
                await asyncio.sleep(0.01)
        (told,) = load.report()
    room = os.statvfs(tmp_path)
    assert told.total_bytes == room.f_blocks * room.f_frsize
    assert 0 < told.used_bytes <= told.total_bytes
    assert load.spaces.of("s1") is None
