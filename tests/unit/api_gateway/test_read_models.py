"""Read models follow their owners; live events are ordered, resumable and bounded."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from api_gateway import kept
from api_gateway.deps import Deps
from api_gateway.listeners import QUEUE_LENGTH, START, Happened, Listener
from stowage_contracts.errors import NotFound
from stowage_contracts.messages.data_motion import CopyFailed, CopyProgressed
from stowage_contracts.messages.image_store import ReplicaFailed, ReplicaReady
from stowage_contracts.values import Transfer
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway import words
from tests.unit.api_gateway.api import Api
from tests.unit.api_gateway.test_requests import user

Bench = ServiceBench[Deps]


def refused(copy_id: str) -> ReplicaFailed:
    error = NotFound("no such template", resource="template/t1").problem
    return ReplicaFailed(object=words.TEMPLATE_OBJECT, store_id="p1", copy_id=copy_id, error=error)


def progress(done: int, copy_id: str = "c1") -> CopyProgressed:
    transfer = Transfer(bytes_done=done, bytes_total=100, bytes_per_second=5.0)
    return CopyProgressed(copy_id=copy_id, state="running", hop_id="h1", transfer=transfer)


async def test_the_newest_sequence_wins_whatever_the_order(api: Api, bench: Bench) -> None:
    await bench.handle(words.zone(name="new"), sequence=2)
    await bench.handle(words.zone(name="old"), sequence=1)
    assert (await api.get("/v1/zones/z1")).body["name"] == "new"


async def test_an_owners_word_replaces_the_pending_row(api: Api, bench: Bench) -> None:
    await api.post("/v1/zones", {"id": "z1", "name": "asked"})
    await bench.handle(words.zone(name="true"), sequence=1)
    assert (await api.get("/v1/zones/z1")).body["name"] == "true"


async def test_a_copy_refused_by_image_store_is_shown_as_failed(api: Api, bench: Bench) -> None:
    await bench.handle(words.pool("p1"), sequence=1)
    await bench.handle(words.template("t1"), sequence=1)
    await api.post("/v1/copies", {"template_id": "t1", "store_id": "p1", "id": "c1"})
    async with api.events("?noun=copy&id=c1") as events:
        await bench.handle(refused("c1"), sequence=2)
        told = await events.next()
    assert (told["type"], told["data"]["state"]["state"]) == ("CopyFailed", "failed")
    shown = (await api.get("/v1/copies/c1")).body
    assert (shown["state"], shown["error"]["code"]) == ("failed", "not_found")
    assert shown["finished"] is not None


async def test_a_late_refusal_does_not_touch_a_known_copy(api: Api, bench: Bench) -> None:
    await bench.handle(words.planned("c1"), sequence=1)
    await bench.handle(refused("c1"), sequence=2)
    assert (await api.get("/v1/copies/c1")).body["state"] == "planned"


async def test_progress_is_shown_until_the_next_state(api: Api, bench: Bench) -> None:
    await bench.handle(words.planned("c1"), sequence=1)
    await bench.hear(progress(40))
    assert (await api.get("/v1/copies/c1")).body["transfer"]["bytes_done"] == 40
    await bench.handle(words.planned("c1", state="done"), sequence=2)
    await bench.hear(progress(50))
    assert (await api.get("/v1/copies/c1")).body["transfer"]["bytes_done"] == 0


async def test_progress_of_an_unknown_copy_is_ignored(bench: Bench) -> None:
    await bench.hear(progress(40, "nobody"))


async def test_wait_answers_when_the_copy_has_ended(api: Api, bench: Bench) -> None:
    await bench.handle(words.planned("c1"), sequence=1)
    waiting = asyncio.create_task(api.get("/v1/copies/c1?wait=20"))
    await bench.hear(progress(40))
    await bench.handle(words.planned("c1", state="done"), sequence=2)
    answer = await asyncio.wait_for(waiting, 10)
    assert answer.body["state"] == "done"


async def test_wait_answers_with_what_there_is_when_it_is_over(api: Api, bench: Bench) -> None:
    await bench.handle(words.planned("c1"), sequence=1)
    answer = await api.get("/v1/copies/c1?wait=0.2")
    assert answer.body["state"] == "planned"


async def test_events_are_followed_from_now_on(api: Api, bench: Bench) -> None:
    await bench.handle(words.zone("before"), sequence=1)
    async with api.events() as events:
        await bench.handle(words.zone("after"), sequence=1)
        told = await events.next()
        if told["id"] == "before":  # it had only just been committed
            told = await events.next()
    assert (told["type"], told["noun"], told["id"]) == ("ZoneAdded", "zone", "after")
    assert told["data"]["state"]["name"] == "one"
    assert told["position"]


async def test_a_stream_resumes_after_the_last_event_seen(api: Api, bench: Bench) -> None:
    async with api.events() as events:
        await bench.handle(words.zone("z1"), sequence=1)
        seen = await events.next()
    for number in range(2, 5):
        await bench.handle(words.zone(f"z{number}"), sequence=1)
    async with api.events(Last_Event_ID=seen["position"]) as events:
        assert [(await events.next())["id"] for _ in range(3)] == ["z2", "z3", "z4"]
        await bench.handle(words.zone("z5"), sequence=1)
        assert (await events.next())["id"] == "z5"


async def test_all_kept_events_can_be_read_again(api: Api, bench: Bench) -> None:
    for number in range(205):  # more than one page
        await bench.handle(words.zone(f"z{number}"), sequence=1)
    async with api.events("?after=0-0") as events:
        ids = [(await events.next())["id"] for _ in range(205)]
    assert ids == [f"z{number}" for number in range(205)]


async def test_a_position_of_another_server_begins_anew(api: Api, bench: Bench) -> None:
    await bench.handle(words.zone("z1"), sequence=1)
    async with api.events(Last_Event_ID="999999999999-1") as events:
        missed = await events.next()
        assert (await events.next())["id"] == "z1"
    assert missed["type"] == "EventsMissed"
    assert "no event of this server" in missed["data"]["reason"]


async def test_who_comes_back_too_late_is_told_so_before_anything_else(
    api: Api, bench: Bench
) -> None:
    async with api.events() as events:
        for number in range(3):
            await bench.handle(words.zone(f"old{number}"), sequence=1)
        old = [await events.next() for _ in range(3)]
    await bench.pass_time(timedelta(hours=2))
    await bench.run_timers("forget")
    await bench.handle(words.zone("new"), sequence=1)
    async with api.events(Last_Event_ID=old[0]["position"]) as events:
        missed = await events.next()
        assert (await events.next())["id"] == "new"
    assert (missed["type"], missed["position"]) == ("EventsMissed", "")
    assert missed["data"]["after"] == old[0]["position"]
    assert missed["data"]["until"] == old[2]["position"]
    for after in (old[2]["position"], "0-0"):  # nothing was missed, or nothing asked for
        async with api.events(Last_Event_ID=after) as events:
            assert (await events.next())["id"] == "new"


async def test_a_position_nobody_gave_out_is_refused(api: Api) -> None:
    table = ["what", "-1", "1-2-3", "9" * 30 + "-1"]
    for position in table:
        answer = await api.get("/v1/events", Last_Event_ID=position)
        assert (answer.status, answer.body["code"]) == (400, "invalid.last_event_id")


async def test_nobody_sees_events_of_others(api: Api, bench: Bench) -> None:
    mine = await user(api)
    ready = ReplicaReady(
        object=words.TEMPLATE_OBJECT, store_id="s1", size=1, digest="md5:" + "0" * 32
    )
    async with mine.events() as live:
        await bench.handle(words.template("t1", account_id="theirs"), sequence=1)
        await bench.handle(ready, sequence=2)
        await bench.handle(words.zone("z1"), sequence=1)
        assert (await live.next())["id"] == "z1"
    async with mine.events("?after=0-0") as kept:
        assert (await kept.next())["id"] == "z1"
    async with api.events("?after=0-0") as everything:
        told = [(await everything.next())["type"] for _ in range(3)]
    assert told == ["TemplateChanged", "ReplicaReady", "ZoneAdded"]


async def test_a_stream_of_one_subject_has_its_progress(api: Api, bench: Bench) -> None:
    for copy_id in ("c1", "c2"):
        await bench.handle(words.planned(copy_id), sequence=1)
    async with api.events("?noun=copy&id=c1") as events:
        await bench.hear(progress(10, "c2"))
        await bench.hear(progress(20, "c1"))
        while (told := await events.next())["type"] == "CopyPlanned":
            pass  # the feed may tell it a moment after it was planned
    assert (told["type"], told["data"]["transfer"]["bytes_done"]) == ("CopyProgressed", 20)
    assert told["position"] == ""


async def test_an_event_of_a_slower_transaction_is_not_lost(api: Api, bench: Bench) -> None:
    async with api.events() as events:
        async with bench.tx() as slow:
            await slow.run("add_feed", "ZoneAdded", "zone", "slow", "", {"state": {}})
            await bench.handle(words.zone("quick"), sequence=1)
        both = {(await events.next())["id"] for _ in range(2)}
    assert both == {"slow", "quick"}


async def test_an_idle_stream_says_that_it_lives(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api_gateway.routes.events.KEEP_ALIVE_SECONDS", 0.05)
    async with api.events() as events:
        assert await events.comment() == "alive"


async def test_open_streams_end_when_the_feed_closes(api: Api, bench: Bench) -> None:
    async with api.events() as events:
        await bench.service.deps.feed.close()
        assert await asyncio.wait_for(events.content.read(), 5) in {b"", b"\n"}


def happened(number: int) -> Happened:
    fields: dict[str, Any] = {"type": "ZoneAdded", "at": words.CREATED, "noun": "zone"}
    return Happened(position=None, id=f"z{number}", account="", body={}, **fields)


async def test_a_slow_listener_holds_a_bounded_number() -> None:
    listener = Listener()
    for number in range(QUEUE_LENGTH + 1):
        listener.put([happened(number)])
    assert listener.behind
    assert await listener.next(1) == []


async def test_a_stream_that_fell_behind_reads_what_it_missed(
    api: Api, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api_gateway.listeners.QUEUE_LENGTH", 1)
    async with api.events() as events:
        for number in range(20):
            await bench.handle(words.zone(f"z{number}"), sequence=1)
        assert [(await events.next())["id"] for _ in range(20)] == [f"z{n}" for n in range(20)]


async def test_old_events_and_idempotency_keys_are_forgotten(api: Api, bench: Bench) -> None:
    await bench.handle(words.zone("z1"), sequence=1)
    await api.post("/v1/zones", {"name": "z"}, Idempotency_Key="k1")
    await bench.pass_time(timedelta(days=2))
    await bench.run_timers()
    async with bench.tx() as tx:
        assert await kept.end(tx) == START
        assert await tx.row("replay", "admin", "k1") is None


async def test_a_copy_nobody_speaks_of_says_so(api: Api, bench: Bench) -> None:
    await bench.handle(words.pool("p1"), sequence=1)
    await bench.handle(words.template("t1"), sequence=1)
    await api.post("/v1/copies", {"template_id": "t1", "store_id": "p1", "id": "c1"})
    await bench.run_timers()
    assert (await api.get("/v1/copies/c1")).body["waiting_for"] == ""
    await bench.pass_time(timedelta(minutes=2))
    await bench.run_timers()
    assert "has not answered" in (await api.get("/v1/copies/c1")).body["waiting_for"]
    await bench.handle(words.planned("c1"), sequence=1)
    assert (await api.get("/v1/copies/c1")).body["waiting_for"] == ""


async def test_failed_copies_are_projected(api: Api, bench: Bench) -> None:
    view = words.planned("c1", state="failed").state
    error = NotFound("gone").problem
    end = {
        "object": words.TEMPLATE_OBJECT,
        "schemes": ["file"],
        "format": "raw",
        "grant": {"id": "g", "owner": "image-store"},
    }
    message = CopyFailed.model_validate({"state": view, "destination": end, "error": error})
    await bench.handle(message, sequence=3)
    assert (await api.get("/v1/copies?state=failed")).body["items"][0]["id"] == "c1"
    assert (await api.get("/v1/copies?state=done")).body["items"] == []


async def test_explain_tells_the_strategies_answers(api: Api, bench: Bench) -> None:
    answer = {"strategy": "direct", "priority": 1, "reason": "both reach it", "chosen": True}
    await bench.handle(words.planned("c1", answers=[answer]), sequence=1)
    told = (await api.get("/v1/copies/c1/explain")).body
    assert told["strategy"] == "direct"
    assert told["answers"][0]["reason"] == "both reach it"


async def test_only_operators_see_a_stores_paths_and_errors(api: Api, bench: Bench) -> None:
    error = NotFound("holds template of another account", resource="store/s1").problem
    told = words.store("s1", settings={"root": "/secret/place"}, error=error)
    await bench.handle(told, sequence=1)
    mine = await user(api)
    shown = (await mine.get("/v1/stores/s1")).body
    assert (shown["id"], shown["settings"], shown["error"]) == ("s1", {}, None)
    (listed,) = (await mine.get("/v1/stores")).body["items"]
    assert listed == shown
    assert (await api.get("/v1/stores/s1")).body["settings"] == {"root": "/secret/place"}
