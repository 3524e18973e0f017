"""Intent workers that run side by side, die, and lose their leases."""

import asyncio
from datetime import timedelta

from stowage_contracts.messages.image_store import PodAdded
from stowage_runtime.testing.eventually import eventually

from tests.integration.runtime.conftest import Instance, Make
from tests.unit.runtime.toy import Survey, World


async def intend(instance: Instance, *pods: str) -> None:
    async with instance.transactions.begin() as tx:
        for pod in pods:
            survey = Survey(pod_id=pod, name=pod)
            await tx.intend("survey", survey, key=pod, within=timedelta(days=1))


async def pods(instance: Instance) -> list[str]:
    return [row["id"] for row in await instance.database.fetch("pods")]


async def test_an_intent_is_taken_up_at_once_and_its_outcome_recorded(make: Make) -> None:
    instance = await make()
    instance.work()
    await intend(instance, "p")

    await eventually(lambda: done(instance, 1))

    assert [row["type"] for row in await instance.database.fetch("runtime.said")] == [
        PodAdded.__name__
    ]


async def test_several_instances_share_the_work_and_do_none_of_it_twice(make: Make) -> None:
    world = World()
    instances = [await make(world) for _ in range(3)]
    for instance in instances:
        instance.start("wakes", instance.wakes)
        instance.work()

    names = [f"p{number:02}" for number in range(40)]
    await intend(instances[0], *names)
    await eventually(lambda: done(instances[0], 40), 20)

    assert sorted(world.surveyed) == names
    assert await pods(instances[0]) == names


async def test_a_lease_is_renewed_while_its_intent_runs(make: Make) -> None:
    slow, other = World(), World()
    slow.open.clear()
    first = await make(slow)
    first.work(lease_seconds=0.6)
    await intend(first, "p")
    await eventually(lambda: slow.surveyed == ["p"])
    second = await make(other)
    second.work(lease_seconds=0.6)

    await asyncio.sleep(1.5)  # more than two leases
    assert other.surveyed == []
    slow.open.set()
    await eventually(lambda: done(first, 1))

    assert slow.surveyed == ["p"]


async def test_the_intent_of_a_dead_worker_is_taken_over_when_its_lease_ends(make: Make) -> None:
    hung, heir = World(), World()
    hung.open.clear()
    first = await make(hung)
    first.work(lease_seconds=0.5)
    await intend(first, "p")
    await eventually(lambda: hung.surveyed == ["p"])
    await kill(first)

    second = await make(heir)
    second.work()
    await eventually(lambda: done(second, 1))

    assert heir.surveyed == ["p"]


async def test_the_outcome_of_a_worker_that_lost_its_lease_is_not_recorded(make: Make) -> None:
    late, heir = World(), World()
    late.open.clear()
    first = await make(late)
    first.work(lease_seconds=600)
    await intend(first, "p")
    await eventually(lambda: late.surveyed == ["p"])

    second = await make(heir)
    await second.database.fetch("runtime.shift_clock", timedelta(hours=1))
    second.work()
    await eventually(lambda: done(second, 1))
    late.open.set()
    await first.stop()

    assert len(await second.database.fetch("runtime.said")) == 1


async def test_a_stopping_worker_finishes_what_runs(make: Make) -> None:
    world = World()
    world.open.clear()
    instance, other = await make(world), await make()
    instance.work()
    await intend(instance, "p")
    await eventually(lambda: world.surveyed == ["p"])

    stopping = asyncio.create_task(instance.stop())
    await asyncio.sleep(0)
    world.open.set()
    await stopping

    assert await pods(other) == ["p"]


async def test_what_a_stopping_worker_cannot_finish_is_handed_back_at_once(make: Make) -> None:
    hung, heir = World(), World()
    hung.open.clear()
    first, second = await make(hung), await make(heir)
    first.work()
    await intend(first, "p")
    await eventually(lambda: hung.surveyed == ["p"])

    await first.stop(seconds=0)
    second.work()
    await eventually(lambda: done(second, 1))

    assert heir.surveyed == ["p"]


async def test_an_outcome_waits_for_a_database_that_is_away_for_a_moment(
    make: Make, database_url: str
) -> None:
    world = World()
    world.open.clear()
    instance, other = await make(world), await make()
    instance.work()
    await intend(instance, "p")
    await eventually(lambda: world.surveyed == ["p"])

    async with other.database.connection() as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            " AND datname = current_database()"
        )
    world.open.set()
    await eventually(lambda: done(other, 1))

    assert world.surveyed == ["p"]


async def kill(instance: Instance) -> None:
    """End every connection and task at once, with nothing handed back."""
    instance.database._pool.terminate()
    await instance.loops.stop("intents", 0)


async def done(instance: Instance, count: int) -> bool:
    return len(await pods(instance)) == count
