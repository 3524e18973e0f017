"""Leadership and timers: one instance at a time, the next when it goes."""

import asyncio

from stowage_runtime.testing.eventually import eventually

from tests.integration.runtime.conftest import Instance, Make
from tests.unit.runtime.toy import World


async def leading(*instances: Instance) -> list[bool]:
    return [instance.leader.leading for instance in instances]


async def sweeps(instance: Instance) -> int:
    return len(await instance.database.fetch("beats"))


async def test_of_several_instances_one_leads(make: Make) -> None:
    instances = [await make() for _ in range(3)]
    for instance in instances:
        instance.start("leader", instance.leader)

    await eventually(lambda: any(i.leader.leading for i in instances))
    await asyncio.sleep(1.2)  # every other one has tried again

    assert sum(await leading(*instances)) == 1


async def test_the_next_leads_as_soon_as_the_leader_stops(make: Make) -> None:
    first, second = await make(), await make()
    first.start("leader", first.leader)
    await eventually(lambda: first.leader.leading)
    second.start("leader", second.leader)

    await first.stop()
    await eventually(lambda: second.leader.leading)

    assert not first.leader.leading


async def test_timers_run_at_once_and_again_on_the_leader_only(make: Make) -> None:
    first, second = await make(seconds=0.1), await make(seconds=0.1)
    first.start("leader", first.leader)
    await eventually(lambda: first.leader.leading)
    second.start("leader", second.leader)
    first.keep_time()
    second.keep_time()
    await eventually(lambda: at_least(first, 3))

    await first.stop()
    swept = await sweeps(second)
    await eventually(lambda: at_least(second, swept + 2))


async def test_a_failing_timer_runs_again_and_stops_no_other(make: Make) -> None:
    world = World(faults=[ValueError("odd")] * 3)
    instance = await make(world, seconds=0.1)
    instance.start("leader", instance.leader)
    instance.keep_time()

    await eventually(lambda: at_least(instance, 2))

    assert world.faults == []
    assert instance.loops.ended == []


async def test_the_inbox_forgets_what_is_old(make: Make) -> None:
    instance = await make()
    async with instance.transactions.begin() as tx:
        await tx.row("runtime.received", ["old"])
    async with instance.database.connection() as connection:
        await connection.execute("UPDATE inbox SET received = received - interval '15 days'")
    async with instance.transactions.begin() as tx:
        await tx.row("runtime.received", ["new"])

    instance.start("leader", instance.leader)
    instance.keep_time()

    await eventually(lambda: known(instance, ["new"]))


async def known(instance: Instance, ids: list[str]) -> bool:
    async with instance.database.connection() as connection:
        return [row[0] for row in await connection.fetch("SELECT message_id FROM inbox")] == ids


async def at_least(instance: Instance, count: int) -> bool:
    return await sweeps(instance) >= count
