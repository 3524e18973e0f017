"""What one caller may ask, and what it is told when it asks for more."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import aiohttp
import pytest
from stowage_contracts.errors import TooMany
from stowage_runtime.http.limiting import MOST_CALLERS, Buckets, Limiter, Rates
from stowage_runtime.http.server import HttpLimits, HttpServer, Surface
from stowage_runtime.testing.eventually import eventually

from tests.unit.runtime_http.conftest import World, authenticate, table
from tests.unit.runtime_http.test_http import problem

GOOD = {"Authorization": "Bearer good"}


@dataclass
class Clock:
    """A clock that a test moves."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    clock = Clock()
    buckets = Buckets(rate=2, burst=3, clock=clock)
    for _ in range(3):
        buckets.take("a")
    with pytest.raises(TooMany) as refused:
        buckets.take("a")
    assert refused.value.details["retry_after"] == pytest.approx(0.5)
    clock.now += 0.5
    buckets.take("a")
    with pytest.raises(TooMany):
        buckets.take("a")


def test_one_that_is_refused_loses_nothing_by_asking() -> None:
    clock = Clock()
    buckets = Buckets(rate=1, burst=1, clock=clock)
    buckets.take("a")
    for _ in range(50):
        clock.now += 0.01
        with pytest.raises(TooMany):
            buckets.take("a")
    clock.now += 0.5
    buckets.take("a")


def test_nobody_pays_for_another() -> None:
    buckets = Buckets(rate=1, burst=1, clock=Clock())
    buckets.take("a")
    buckets.take("b")


def test_silence_gives_no_more_than_the_burst() -> None:
    clock = Clock()
    buckets = Buckets(rate=100, burst=2, clock=clock)
    clock.now += 3600
    buckets.take("a")
    buckets.take("a")
    with pytest.raises(TooMany):
        buckets.take("a")


def test_only_so_many_callers_are_remembered() -> None:
    buckets = Buckets(rate=1, burst=1, clock=Clock())
    for number in range(2 * MOST_CALLERS):
        buckets.take(f"caller {number}")
    assert len(buckets) == MOST_CALLERS
    with pytest.raises(TooMany):
        buckets.take(f"caller {2 * MOST_CALLERS - 1}")


def test_no_rate_is_no_limit() -> None:
    buckets = Buckets(rate=0, burst=1)
    for _ in range(100):
        buckets.take("a")
    assert len(buckets) == 0


def test_streams_are_counted_while_they_are_open() -> None:
    limiter = Limiter(Rates(streams=1))
    with (
        limiter.stream("a"),
        limiter.stream("b"),
        pytest.raises(TooMany, match="1 streams"),
        limiter.stream("a"),
    ):
        pass
    with limiter.stream("a"):
        pass


@asynccontextmanager
async def serving(world: World, rates: Rates) -> AsyncIterator[aiohttp.ClientSession]:
    limits, nobody = HttpLimits(stop_seconds=2), cast(Any, None)
    surface = Surface(
        "things", table(world), lambda: nobody, world, authenticate, limits, None, Limiter(rates)
    )
    server = HttpServer(surface, "127.0.0.1", 0)
    await server.start()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as client:
        yield client
    await server.stop()


async def test_a_caller_over_its_rate_is_told_when_to_come_again(world: World) -> None:
    async with serving(world, Rates(per_second=0.01, burst=2)) as client:
        for expected in (200, 200, 429):
            async with client.get("/me", headers=GOOD) as reply:
                assert reply.status == expected
        async with client.get("/me", headers=GOOD) as reply:
            told = await problem(reply)
        assert (told["code"], told["retry"], told["retryable"]) == (
            "too_many.requests",
            "again",
            True,
        )
        assert 90 <= int(reply.headers["Retry-After"]) <= 100
        async with client.get("/healthz") as reply:
            assert reply.status == 200


async def test_who_tries_keys_is_stopped_before_they_are_looked_up(world: World) -> None:
    async with serving(world, Rates(refused_per_second=0.1)) as client:
        for expected in (401, 429):
            async with client.get("/me", headers={"Authorization": "Bearer bad"}) as reply:
                assert reply.status == expected
        async with client.get("/me", headers=GOOD) as reply:
            assert reply.status == 429


async def test_a_stream_too_many_is_a_problem_until_one_is_closed(world: World) -> None:
    async with serving(world, Rates(streams=1)) as client:
        async with client.get("/events") as first:
            assert first.status == 200
            async with client.get("/events") as second:
                told = await problem(second)
            assert (second.status, told["code"]) == (429, "too_many.streams")
            assert second.headers["Retry-After"] == "5"

        async def again() -> bool:
            async with client.get("/events") as reply:
                return reply.status == 200

        await eventually(again)
        world.release.set()
