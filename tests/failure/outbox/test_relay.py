"""The relay on a healthy bus, and the faults of the relay itself."""

from collections import Counter
from datetime import timedelta

import asyncpg
from stowage_contracts.envelope import Envelope
from stowage_contracts.messages.image_store import ReleaseGrants
from stowage_contracts.values import GrantRef, ServiceName
from stowage_runtime.bus import Reader
from stowage_runtime.bus.dead_letter_table import TableSink
from stowage_runtime.testing.eventually import eventually

from tests.failure.outbox.conftest import Connect, Start
from tests.failure.outbox.instances import OTHER, Ear, Instance, pod_added

ZONES, EACH = 8, 25


def everything() -> dict[str, list[int]]:
    return {f"zone/z{number}": [*range(1, EACH + 1)] for number in range(ZONES)}


async def test_every_message_arrives_once_and_in_order_of_its_subject(
    start: Start, ear: Ear
) -> None:
    instance = await start()

    await instance.say_at_once(ZONES, EACH)
    await eventually(instance.empty)

    assert ear.firsts() == everything()
    assert len(ear.heard) == ZONES * EACH


async def test_two_instances_never_claim_the_same_message(start: Start, ear: Ear) -> None:
    first, second = await start(), await start()

    await first.say_at_once(ZONES // 2, EACH)
    await second.say_at_once(ZONES, EACH)
    await eventually(first.empty)

    assert set(Counter(envelope.id for envelope in ear.heard).values()) == {1}
    assert len(ear.heard) == ZONES * EACH + ZONES // 2 * EACH


async def test_what_any_instance_said_wakes_the_one_that_leads(start: Start, ear: Ear) -> None:
    leader = await start()
    await eventually(lambda: leader.leader.leading)
    follower = await start()

    await follower.say("z", 3)
    await eventually(leader.empty)

    assert not follower.leader.leading
    assert ear.firsts() == {"zone/z": [1, 2, 3]}


async def test_another_instance_takes_over_from_a_dead_one(start: Start, ear: Ear) -> None:
    doomed = await start()
    await eventually(lambda: doomed.leader.leading)
    heir = await start()

    await doomed.crash()
    await heir.say_at_once(ZONES, EACH)
    await eventually(heir.empty)

    assert heir.leader.leading
    assert ear.firsts() == everything()


async def test_a_leader_whose_lock_connection_ends_steps_down_and_comes_back(
    start: Start, ear: Ear, database_url: str
) -> None:
    instance = await start()
    await eventually(lambda: instance.leader.leading)

    old = await leader_pids(instance)
    await kill_connection(database_url, "toy/leader")
    await eventually(lambda: elected_anew(instance, old))
    await instance.say("z", 5)
    await eventually(instance.empty)

    assert ear.firsts() == {"zone/z": [1, 2, 3, 4, 5]}


async def test_a_crash_in_mid_batch_loses_nothing_and_keeps_the_order(
    start: Start, ear: Ear
) -> None:
    doomed = await start()
    for batch in range(3):
        await doomed.say_at_once(ZONES, EACH // 5)
        await eventually(lambda goal=batch * ZONES + 1: len(ear.heard) >= goal)
    await doomed.crash()
    heir = await start()
    await heir.say_at_once(ZONES, EACH - 3 * (EACH // 5))
    await eventually(heir.empty)

    assert ear.firsts() == everything()


async def test_stopping_in_mid_batch_loses_nothing_and_repeats_nothing(
    start: Start, ear: Ear
) -> None:
    stopping = await start()
    await stopping.say_at_once(ZONES, EACH)
    await eventually(lambda: len(ear.heard) > 0)

    await stopping.stop()
    heir = await start()
    await eventually(heir.empty)

    assert ear.firsts() == everything()
    assert len(ear.heard) == ZONES * EACH


async def test_a_command_without_a_queue_holds_back_only_its_own_subject_and_address(
    start: Start, ear: Ear, connect: Connect
) -> None:
    instance = await start()
    async with instance.transactions.begin() as tx:
        await tx.say(release("g"), to=OTHER)
        await tx.say(release("g"), to=OTHER)
        await tx.say(release("h"), to="data-motion")
        await tx.say(pod_added("p"))
    await eventually(lambda: refused(instance, 2))

    assert {e.type for e in ear.heard} >= {"PodAdded"}
    assert [row["subject"] for row in await instance.database.fetch("runtime.said")] == [
        "grant/g",
        "grant/g",
    ]

    late, bus = Ear(), await connect()
    other = Reader("cache-autoscaler", durable=(ReleaseGrants,))
    await bus.declare(other)
    await bus.listen(other, late.deliver)
    await eventually(instance.empty)
    assert late.firsts() == {"grant/g": [1, 2]}


async def test_a_refused_message_waits_longer_each_time(start: Start, ear: Ear) -> None:
    instance = await start()
    async with instance.transactions.begin() as tx:
        await tx.say(release("g"), to=OTHER)
    await eventually(lambda: refused(instance, 3))

    row = (await instance.database.fetch("runtime.said"))[0]
    assert row["last_error"] == "unavailable.unroutable"
    assert row["next_at"] - row["said"] > timedelta(seconds=0.1)


async def test_a_message_nobody_can_take_for_a_day_becomes_a_dead_letter(
    start: Start, ear: Ear
) -> None:
    instance = await start()
    async with instance.transactions.begin() as tx:
        await tx.say(release("g"), to=OTHER)
    await eventually(lambda: refused(instance, 1))
    await instance.database.fetch("runtime.shift_clock", timedelta(days=2))
    await eventually(instance.empty)

    letter = (await TableSink(instance.database).entries("outbox", 10))[0]
    assert letter.reason.code == "unavailable.unroutable"
    assert Envelope.model_validate_json(letter.body).message() == release("g")


async def test_an_idle_relay_asks_the_database_only_now_and_then(
    start: Start, ear: Ear, database_url: str
) -> None:
    instance = await start()
    await instance.say("z", 3)
    await eventually(instance.empty)

    connection = await asyncpg.connect(database_url)
    await connection.execute("SELECT pg_sleep(2)")  # a backend tells its statistics that late
    before = await connection.fetchval(TRANSACTIONS)
    await connection.execute("SELECT pg_sleep(2)")
    after = await connection.fetchval(TRANSACTIONS)
    await connection.close()

    # five polls a second, two pings and a measurement, and a second's lag
    assert after - before < 40


TRANSACTIONS = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"


def release(grant: str) -> ReleaseGrants:
    return ReleaseGrants(grant=GrantRef(id=grant, owner=ServiceName.CACHE_AUTOSCALER), epoch=1)


async def refused(instance: Instance, attempts: int) -> bool:
    rows = await instance.database.fetch("runtime.said")
    return any(row["attempts"] >= attempts for row in rows)


async def kill_connection(url: str, name: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = $1 AND datname = current_database()",
        name,
    )
    await connection.close()


async def leader_pids(instance: Instance) -> set[int]:
    async with instance.database.connection() as connection:
        rows = await connection.fetch(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'toy/leader'"
            " AND datname = current_database()"
        )
    return {row["pid"] for row in rows}


async def elected_anew(instance: Instance, old: set[int]) -> bool:
    return instance.leader.leading and not old & await leader_pids(instance)
