"""Wakes: a ring here is heard by the other instances, also after the database was away."""

from stowage_runtime.database.wakes import INTENTS, OUTBOX
from stowage_runtime.testing.eventually import eventually

from tests.integration.runtime.conftest import Instance, Make


async def listening(instance: Instance) -> None:
    instance.start("wakes", instance.wakes)
    await eventually(instance.wakes.event(OUTBOX).is_set)
    instance.wakes.event(OUTBOX).clear()
    instance.wakes.event(INTENTS).clear()


async def test_a_ring_reaches_other_instances_and_only_its_topic(make: Make) -> None:
    ringing, hearing = await make(), await make()
    await listening(ringing)
    await listening(hearing)

    ringing.wakes.ring(OUTBOX)
    await eventually(hearing.wakes.event(OUTBOX).is_set)

    assert not hearing.wakes.event(INTENTS).is_set()


async def test_a_ring_is_heard_here_at_once(make: Make) -> None:
    instance = await make()

    instance.wakes.ring(INTENTS)

    assert instance.wakes.event(INTENTS).is_set()


async def test_whoever_was_cut_off_wakes_up_when_back(make: Make) -> None:
    instance, other = await make(), await make()
    await listening(instance)

    async with other.database.connection() as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'toy/wakes' AND datname = current_database()"
        )

    await eventually(instance.wakes.event(OUTBOX).is_set)
