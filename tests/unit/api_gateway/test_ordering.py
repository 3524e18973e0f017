"""Events of a subject are told in the order they were said, whichever gateway hears them first."""

import asyncio
from datetime import timedelta
from typing import Any

from api_gateway import kept
from api_gateway.deps import Deps
from api_gateway.listeners import START
from api_gateway.ordering import Event, Subject, Told, arrange, release
from hypothesis import given
from hypothesis import strategies as st
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway import words

Bench = ServiceBench[Deps]
ONE, TWO = Subject("image-store", "zone/z1"), Subject("image-store", "zone/z2")


def event(number: int, subject: Subject = ONE, condition: str = "") -> Event:
    return Event(subject, number, "{}", condition)


async def fed(bench: Bench) -> list[Any]:
    async with bench.tx() as tx:
        return await kept.after(START, 100, kept.About(), tx)


async def say(bench: Bench, number: int, zone: str = "z1", **more: Any) -> None:
    message = words.zone(zone, f"name {number}")
    await bench.handle(message, sequence=2 * number, number=number, **more)


@given(st.permutations(range(1, 9)), st.integers(1, 8))
def test_whatever_the_order_of_arrival_each_is_told_once_and_in_turn(
    order: list[int], batch: int
) -> None:
    told: dict[Subject, Told] = {}
    held: list[Event] = []
    seen: list[int] = []
    for start in range(0, 8, batch):
        result = arrange([event(n) for n in order[start : start + batch]], held, told)
        held = result.hold
        seen += [each.number for each in result.tell]
        told = {ONE: Told(max(seen, default=0))}
    assert seen == [*range(1, 9)]
    assert held == []


def test_subjects_do_not_wait_for_each_other() -> None:
    result = arrange([event(2), event(1, TWO), event(0)], (), {})
    assert [(each.subject, each.number) for each in result.tell] == [(TWO, 1), (ONE, 0)]
    assert result.hold == [event(2)]


def test_each_is_told_with_the_condition_before_it() -> None:
    result = arrange(
        [event(3, condition="ready"), event(2, condition="pending")], (), {ONE: Told(1)}
    )
    assert [(each.was, each.condition) for each in result.tell] == [
        ("", "pending"),
        ("pending", "ready"),
    ]


def test_what_is_held_and_due_goes_first() -> None:
    result = arrange([event(4)], [event(3), event(6)], {ONE: Told(2)})
    assert [each.number for each in result.tell] == [3, 4]
    assert [each.number for each in result.hold] == [6]


def test_what_comes_too_late_is_told_all_the_same() -> None:
    result = arrange([event(4)], (), {ONE: Told(9)})
    assert [each.number for each in result.tell] == [4]


def test_what_waited_in_vain_is_told_in_order() -> None:
    told = release([event(7), event(5), event(2, TWO)], {ONE: Told(3)})
    assert [(each.subject, each.number) for each in told] == [(ONE, 5), (ONE, 7), (TWO, 2)]


async def test_an_event_waits_in_the_database_for_the_one_before_it(bench: Bench) -> None:
    for number in (3, 2):
        await say(bench, number)
    assert await fed(bench) == []
    async with bench.tx() as tx:
        row = await tx.row("resource", "zone", "z1")
    assert row is not None
    assert row["state"]["name"] == "name 3"
    await say(bench, 1, id="m1")
    rows = await fed(bench)
    assert [(row["sequence"], row["body"]["state"]["name"]) for row in rows] == [
        (number, f"name {number}") for number in (1, 2, 3)
    ]
    assert rows[0]["message_id"] == "m1"
    assert rows[0]["source"] == "image-store"


async def test_a_repeat_is_told_once(bench: Bench) -> None:
    for _ in range(2):
        await say(bench, 1, id="m1")
    assert len(await fed(bench)) == 1


async def test_a_missing_event_holds_the_others_up_for_so_long_only(bench: Bench) -> None:
    await say(bench, 1)
    for number in (5, 3):
        await say(bench, number)
    await bench.run_timers("release held")
    assert [row["sequence"] for row in await fed(bench)] == [1]
    await bench.pass_time(timedelta(seconds=20))
    await say(bench, 6)  # it waits too, and begins no new wait for the others
    await bench.pass_time(timedelta(seconds=15))
    await bench.run_timers("release held")
    assert [row["sequence"] for row in await fed(bench)] == [1, 3, 5, 6]
    await say(bench, 4)
    await say(bench, 7)
    assert [row["sequence"] for row in await fed(bench)] == [1, 3, 5, 6, 4, 7]


async def test_positions_follow_the_numbers_whatever_transaction_began_first(bench: Bench) -> None:
    async with bench.tx() as early:
        # a transaction is numbered by its first write, long before it writes an event
        await early.run("add_account", "a1", "someone", False)
        await say(bench, 1)
        await bench.handle(words.zone("z2"), sequence=1)
        assert await fed(bench) == []
    await say(bench, 2)
    rows = await fed(bench)
    assert [row["sequence"] for row in rows if row["subject_id"] == "z1"] == [1, 2]


async def test_many_gateways_hear_in_any_order(bench: Bench) -> None:
    numbers = [(zone, n) for zone in ("z1", "z2", "z3") for n in range(1, 11)]
    shuffled = sorted(numbers, key=lambda each: hash((each, "order")))
    for start in range(0, len(shuffled), 4):  # the bench has four connections
        await asyncio.gather(*(say(bench, n, zone) for zone, n in shuffled[start : start + 4]))
    rows = await fed(bench)
    for zone in ("z1", "z2", "z3"):
        seen = [row["sequence"] for row in rows if row["subject_id"] == zone]
        assert seen == [*range(1, 11)]
