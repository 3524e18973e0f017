"""Copies that ask in the very moment in which a fleet's VMs come or go."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from stowage_contracts.caching import VmPhase
from stowage_contracts.messages.cache_autoscaler import CacheReserved

from tests.unit.cache_autoscaler.fleets_scene import Fleets
from tests.unit.cache_autoscaler.scene import MIB, Scene

LOOKS = 500
"""Every hundredth of a second."""


@pytest.fixture
def fleets(scene: Scene) -> Fleets:
    return Fleets(scene)


@asynccontextmanager
async def held(scene: Scene, table: str) -> AsyncIterator[None]:
    """Nobody reads a table until the context is left."""
    connection = await asyncpg.connect(scene.database_url)
    try:
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE cache_autoscaler.{table}")
            yield
    finally:
        await connection.close()


async def blocked(scene: Scene, count: int) -> None:
    """Until so many wait for a lock; raises AssertionError when they do not."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    for _ in range(LOOKS):
        ((now,),) = await scene.sql(waiting)
        if now >= count:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{now} of {count} wait")


async def asked_while(fleets: Fleets, table: str, *copies: str) -> list[CacheReserved]:
    """What copies are answered that have come as far as this table when the VMs come that are on
    their way."""
    async with held(fleets.scene, table):
        asking = [asyncio.create_task(fleets.scene.reserve(c, size=5 * MIB)) for c in copies]
        await blocked(fleets.scene, len(copies))
        await fleets.offered()
        assert not any(each.done() for each in asking)
    return list(await asyncio.gather(*asking))


async def test_a_copy_that_asks_as_the_first_vm_comes_waits_and_then_fills_it(
    fleets: Fleets,
) -> None:
    await fleets.host()
    await fleets.wish()
    (reply,) = await asked_while(fleets, "samples", "c1")
    assert (reply.answer, reply.reason) == ("wait", "a transport VM of fleet fleet has just come")
    waits = await fleets.scene.sql("SELECT copy_id, size FROM cache_autoscaler.fleet_waits")
    assert [tuple(row) for row in waits] == [("c1", 5 * MIB)]
    assert (await fleets.scene.reserve("c1", size=5 * MIB)).answer == "fill"


async def test_of_two_copies_that_ask_as_the_first_vm_comes_one_fills_it_for_both(
    fleets: Fleets,
) -> None:
    """There is no store yet whose row they could wait for."""
    await fleets.host()
    await fleets.wish()
    await asked_while(fleets, "pins", "c1", "c2")
    replies = [await fleets.scene.reserve(copy, size=5 * MIB) for copy in ("c1", "c2")]
    assert sorted(reply.answer for reply in replies) == ["fill", "wait"]
    assert await fleets.scene.entries() == [("t1", "reserved")]


@pytest.mark.parametrize("ends", [VmPhase.FAILED, VmPhase.GONE])
async def test_a_copy_that_asks_as_the_last_vm_goes_waits_for_the_next(
    fleets: Fleets, ends: VmPhase
) -> None:
    await fleets.host()
    await fleets.wish(minimum=0)
    await fleets.scene.reserve("c1", size=5 * MIB)
    await fleets.tick()
    (vm_id,) = await fleets.offered()
    await fleets.report(vm_id, ends)
    assert (await fleets.scene.reserve("c2", "t2", size=5 * MIB)).answer == "wait"
    await fleets.tick()
    assert len(await fleets.spawns()) == 2


async def test_a_copy_that_no_vm_could_serve_is_refused_at_once(fleets: Fleets) -> None:
    await fleets.host()
    await fleets.wish()
    before = await fleets.scene.reserve("c1", schemes=("rbd",))
    await fleets.offered()
    after = await fleets.scene.reserve("c2", schemes=("rbd",))
    assert (before.answer, after.answer) == ("none", "none")
    assert "the host cannot read file" in after.reason
