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
async def held(scene: Scene, table: str) -> AsyncIterator[asyncpg.Connection]:
    """Nobody reads a table until the context is left."""
    connection = await asyncpg.connect(scene.database_url)
    try:
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE cache_autoscaler.{table}")
            yield connection
    finally:
        await connection.close()


async def waited_for(connection: asyncpg.Connection) -> None:
    """Until somebody wants what this connection holds; raises AssertionError when nobody does."""
    blocked = "SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))"
    pid = connection.get_server_pid()
    for _ in range(LOOKS):
        if await connection.fetchval(blocked, pid):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody waits")


async def asked_while(fleets: Fleets, copy_id: str) -> CacheReserved:
    """What a copy is answered that looked at the stores just before the VMs on their way came."""
    async with held(fleets.scene, "samples") as connection:
        asking = asyncio.create_task(fleets.scene.reserve(copy_id, size=5 * MIB))
        await waited_for(connection)
        await fleets.offered()
        assert not asking.done()
    return await asking


async def test_a_copy_that_asks_as_the_first_vm_comes_waits_and_then_fills_it(
    fleets: Fleets,
) -> None:
    await fleets.host()
    await fleets.wish()
    reply = await asked_while(fleets, "c1")
    assert (reply.answer, reply.reason) == ("wait", "a transport VM of fleet fleet has just come")
    waits = await fleets.scene.sql("SELECT copy_id, size FROM cache_autoscaler.fleet_waits")
    assert [tuple(row) for row in waits] == [("c1", 5 * MIB)]
    assert (await fleets.scene.reserve("c1", size=5 * MIB)).answer == "fill"


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
