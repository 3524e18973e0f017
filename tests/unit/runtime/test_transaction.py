"""Transactions: sequence, conversation, clock and intents of what is committed."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from stowage_contracts.errors import InvalidInput
from stowage_contracts.messages.data_motion import CancelCopy, CopyProgressed
from stowage_contracts.messages.image_store import AddPod, AddZone, ZoneAdded
from stowage_contracts.topology import address
from stowage_contracts.values import ServiceName, Transfer
from stowage_contracts.views import ZoneView
from stowage_runtime.handling.transaction import Transaction
from stowage_runtime.telemetry import current_traceparent, span, start_tracing
from stowage_runtime.testing import ServiceBench

from tests.unit.runtime.toy import Survey, World

Bench = ServiceBench[World]


def added(zone_id: str, name: str = "n") -> ZoneAdded:
    return ZoneAdded(state=ZoneView(id=zone_id, name=name))


async def roll_back(bench: Bench, act: Callable[[Transaction], Awaitable[None]]) -> None:
    async with bench.tx() as tx:
        await act(tx)
        raise RuntimeError("on purpose")


async def test_sequences_rise_by_one_for_each_subject(bench: Bench) -> None:
    async with bench.tx() as tx:
        await tx.say(added("a"), added("b"), added("a"))
    async with bench.tx() as tx:
        await tx.say(added("a"), added("b"))

    told = [(s.envelope.subject, s.envelope.sequence) for s in await bench.sent()]
    assert told == [("zone/a", 1), ("zone/b", 1), ("zone/a", 2), ("zone/a", 3), ("zone/b", 2)]


async def test_events_are_also_counted_without_the_commands_between(bench: Bench) -> None:
    owner = address(ServiceName.IMAGE_STORE)
    async with bench.tx() as tx:
        await tx.say(added("a"))
        await tx.say(AddZone(zone_id="a", name="n"), to=owner)
        await tx.say(added("a"), added("b"))
    async with bench.tx() as tx:
        await tx.say(AddZone(zone_id="a", name="n"), to=owner)
        await tx.say(added("a"))

    sent = [each.envelope for each in await bench.sent() if each.envelope.subject == "zone/a"]
    assert [each.sequence for each in sent] == [1, 2, 3, 4, 5]
    assert [each.number for each in sent] == [1, 0, 2, 0, 3]


async def test_concurrent_transactions_leave_no_gap_and_no_duplicate(bench: Bench) -> None:
    async def say(number: int) -> None:
        async with bench.tx() as tx:
            await tx.say(added("a", str(number)), added("b"))

    await asyncio.gather(*(say(number) for number in range(20)))

    sent = await bench.sent()
    assert [s.envelope.sequence for s in sent if s.envelope.subject == "zone/a"] == [*range(1, 21)]


async def test_a_rolled_back_message_leaves_no_gap(bench: Bench) -> None:
    with pytest.raises(RuntimeError, match="on purpose"):
        await roll_back(bench, lambda tx: tx.say(added("a")))
    async with bench.tx() as tx:
        await tx.say(added("a"))

    assert [s.envelope.sequence for s in await bench.sent()] == [1]


async def test_an_answer_belongs_to_its_causes_conversation(bench: Bench) -> None:
    await bench.handle(AddZone(zone_id="z", name="n"), id="m2", correlationid="m1")

    envelope = (await bench.sent())[0].envelope
    assert (envelope.correlationid, envelope.causationid) == ("m1", "m2")
    assert envelope.source == "image-store"


async def test_the_first_message_starts_the_conversation(bench: Bench) -> None:
    async with bench.tx() as tx:
        await tx.say(added("a"))

    envelope = (await bench.sent())[0].envelope
    assert (envelope.correlationid, envelope.causationid) == (envelope.id, "")


async def test_an_intents_words_belong_to_the_conversation_that_intended_them(bench: Bench) -> None:
    pod = AddPod(pod_id="p", zone_id="z", name="n")
    await bench.handle(pod, id="m2", correlationid="m1")
    await bench.run_intents()

    envelope = (await bench.sent())[0].envelope
    assert (envelope.type, envelope.correlationid, envelope.causationid) == ("PodAdded", "m1", "m2")


async def test_the_trace_rides_in_the_outbox(bench: Bench) -> None:
    start_tracing("test")
    with span("request"):
        here = current_traceparent()
        async with bench.tx() as tx:
            await tx.say(added("a"))

    assert (await bench.sent())[0].envelope.traceparent == here != ""


async def test_commands_have_an_address_and_events_none(bench: Bench) -> None:
    async with bench.tx() as tx:
        await tx.say(CancelCopy(copy_id="c"), to=address("data-motion"))
        with pytest.raises(TypeError, match="CancelCopy"):
            await tx.say(CancelCopy(copy_id="c"))
        with pytest.raises(TypeError, match="ZoneAdded"):
            await tx.say(added("a"), to="data-motion")
        with pytest.raises(TypeError, match="signal"):
            await tx.say(CopyProgressed(copy_id="c", state="running", transfer=Transfer()))

    assert [s.to for s in await bench.sent()] == ["data-motion"]


async def test_signals_go_out_after_the_commit_only(bench: Bench) -> None:
    progress = CopyProgressed(copy_id="c", state="running", transfer=Transfer())
    async with bench.tx() as tx:
        tx.signal(progress)
        assert bench.bus.signals == []
    with pytest.raises(RuntimeError, match="on purpose"):
        await roll_back(bench, lambda tx: asyncio.to_thread(tx.signal, progress))

    assert bench.bus.signals == [progress]


async def test_an_intent_with_a_key_is_pending_once(bench: Bench) -> None:
    async with bench.tx() as tx:
        for name in ("first", "second"):
            survey = Survey(pod_id="p", name=name)
            await tx.intend("survey", survey, key="p", within=timedelta(minutes=1))
        for name in ("third", "fourth"):
            await tx.intend("survey", Survey(pod_id="q", name=name), within=timedelta(minutes=1))

    assert [survey.name for survey in await bench.intents()] == ["first", "third", "fourth"]


async def test_now_is_the_clock_the_sql_reads_and_can_be_moved(bench: Bench) -> None:
    async with bench.tx() as tx:
        before = tx.now
    await bench.pass_time(timedelta(hours=3))
    async with bench.tx() as tx:
        await tx.run("add_zone", "z", "n", None)
        rows = await tx.rows("zones")
        assert rows[0]["added"] == tx.now
        assert tx.now - before >= timedelta(hours=3)


async def test_json_comes_back_as_it_went(bench: Bench) -> None:
    facts = {"list": [1, 2.5, None], "text": 'a "quoted" ümlaut', "deep": {"yes": True}}
    async with bench.tx() as tx:
        await tx.run("add_zone", "z", "n", facts)
        row = await tx.row("zones")

    assert row is not None
    assert row["facts"] == facts


async def test_json_that_cannot_be_stored_is_invalid_input(bench: Bench) -> None:
    async with bench.tx() as tx:
        with pytest.raises(InvalidInput, match="NUL"):
            await tx.run("add_zone", "z", "n", {"text": "\0"})


async def test_run_tells_how_many_rows_it_touched(bench: Bench) -> None:
    async with bench.tx() as tx:
        assert await tx.run("add_zone", "z", "n", None) == 1
        assert await tx.run("add_zone", "z", "n", None) == 0
        assert await tx.run("rename_zone", "nobody", "n") == 0


async def test_an_unknown_query_is_named(bench: Bench) -> None:
    async with bench.tx() as tx:
        with pytest.raises(LookupError, match="no_such_query"):
            await tx.rows("no_such_query")
