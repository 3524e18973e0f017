"""Webhooks are told every event they want, in order, signed, and again until they took it."""

import asyncio
import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from api_gateway.deps import Deps
from api_gateway.sinks.dispatcher import Dispatcher
from stowage_runtime.testing.bench import ServiceBench
from stowage_runtime.testing.eventually import eventually

from tests.integration.sinks.conftest import Gateways
from tests.integration.sinks.receiver import Got, Receiver
from tests.unit.api_gateway import words
from tests.unit.api_gateway.api import Api, account

Bench = ServiceBench[Deps]


async def hook(api: Api, receiver: Receiver, **more: Any) -> dict[str, Any]:
    body = {"name": "hook", "kind": "webhook", "url": receiver.url, **more}
    made = await api.post("/v1/sinks", body)
    assert made.status == 201, made.body
    found: dict[str, Any] = made.body
    return found


async def say(bench: Bench, number: int, zone: str = "z1", **more: Any) -> None:
    await bench.handle(words.zone(zone, f"n{number}"), sequence=number, number=number, **more)


async def shown(api: Api, sink: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await api.get(f"/v1/sinks/{sink['id']}")).body
    return found


def signed_by(got: Got, secret: str) -> bool:
    """As any library of Standard Webhooks checks it."""
    name, at = got.headers["webhook-id"], got.headers["webhook-timestamp"]
    age = datetime.now(UTC).timestamp() - int(at)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{name}.{at}.".encode() + got.body, hashlib.sha256).digest()
    wanted = f"v1,{base64.b64encode(mac).decode()}"
    return abs(age) < 60 and wanted in got.headers["webhook-signature"].split()


async def test_an_event_arrives_as_a_signed_cloudevent(
    api: Api, bench: Bench, running: Dispatcher, receiver: Receiver
) -> None:
    sink = await hook(api, receiver)
    await say(bench, 1, id="m1", traceparent="00-a-b-01", correlationid="c")
    (event,) = await receiver.has(1)
    assert {name: event[name] for name in ("specversion", "id", "source", "type", "subject")} == {
        "specversion": "1.0",
        "id": "m1",
        "source": "image-store",
        "type": "ZoneAdded",
        "subject": "zone/z1",
    }
    assert event["data"]["state"]["name"] == "n1"
    assert (event["sequence"], event["traceparent"], event["correlationid"]) == (
        1,
        "00-a-b-01",
        "c",
    )
    got = receiver.got[0]
    assert got.headers["Content-Type"] == "application/cloudevents+json; charset=utf-8"
    assert got.headers["webhook-id"] == "m1"
    assert signed_by(got, sink["secret"])
    async with api.events("?after=0-0") as events:
        told = await events.next()
    assert (told["event"], told["sequence"], told["position"]) == ("m1", 1, event["position"])


async def test_refusals_are_tried_again_and_order_stays(
    api: Api, bench: Bench, running: Dispatcher, receiver: Receiver
) -> None:
    refusals = iter([500, 200, 503, 429, 200, 500] * 3)
    receiver.judge = lambda told: next(refusals, 200)
    sink = await hook(api, receiver)
    for number in range(1, 7):
        for zone in ("z1", "z2"):
            await say(bench, number, zone)
    await receiver.has(12)
    receiver.check_order()

    async def caught_up() -> bool:
        found = await shown(api, sink)
        return bool(found["lag_events"] == 0 and found["delivered"] == 12)

    await eventually(caught_up)
    found = await shown(api, sink)
    assert (found["state"], found["failures"]) == ("active", 0)
    assert found["error"]["code"] == "unavailable.receiver"
    assert found["error"]["cause"].startswith("it answered ")


async def test_a_receiver_that_does_not_answer_is_given_up_and_tried_again(
    api: Api, bench: Bench, running: Dispatcher, receiver: Receiver
) -> None:
    receiver.hang = asyncio.Event()
    sink = await hook(api, receiver, seconds=1)
    await say(bench, 1)

    async def failing() -> bool:
        return bool((await shown(api, sink))["state"] == "failing")

    await eventually(failing)
    found = await shown(api, sink)
    assert found["error"]["cause"] == "it did not answer within 1 s"
    assert (found["lag_events"], found["delivered"]) == (1, 0)
    receiver.hang.set()
    await receiver.has(1)


async def test_a_dead_sink_holds_nobody_up(
    api: Api, bench: Bench, running: Dispatcher, receiver: Receiver, other_receiver: Receiver
) -> None:
    receiver.hang = asyncio.Event()
    dead = await hook(api, receiver, seconds=30)
    gone = await hook(api, other_receiver, url="http://127.0.0.1:9/nobody")
    live = await hook(api, other_receiver)
    for number in range(1, 11):
        await say(bench, number)
    await other_receiver.has(10)
    other_receiver.check_order()
    states = {key: (await shown(api, sink))["state"] for key, sink in (("g", gone), ("l", live))}
    assert states == {"g": "failing", "l": "active"}
    assert (await shown(api, dead))["lag_events"] == 10


async def test_a_batch_holds_many(
    api: Api, bench: Bench, receiver: Receiver, gateway: Gateways
) -> None:
    sink = await hook(api, receiver, batch=10)
    for number in range(1, 26):
        await say(bench, number)
    async with gateway():
        await receiver.has(25)
    assert [len(got.events) for got in receiver.got] == [10, 10, 5]
    assert [event["sequence"] for event in receiver.taken] == [*range(1, 26)]
    kind = "application/cloudevents-batch+json; charset=utf-8"
    assert {got.headers["Content-Type"] for got in receiver.got} == {kind}
    assert all(signed_by(got, sink["secret"]) for got in receiver.got)


async def test_a_new_secret_signs_beside_the_old_one_for_a_while(
    api: Api, bench: Bench, running: Dispatcher, receiver: Receiver
) -> None:
    sink = await hook(api, receiver)
    path = f"/v1/sinks/{sink['id']}/rotate"
    rotated = await api.post(path, {"keep_seconds": 1000})
    await say(bench, 1)
    await receiver.has(1)
    assert signed_by(receiver.got[0], sink["secret"])
    assert signed_by(receiver.got[0], rotated.body["secret"])
    last = await api.post(path, {"keep_seconds": 0})
    await say(bench, 2)
    await receiver.has(2)
    assert not signed_by(receiver.got[-1], sink["secret"])
    assert not signed_by(receiver.got[-1], rotated.body["secret"])
    assert signed_by(receiver.got[-1], last.body["secret"])


async def test_cloudstacks_webhook_is_as_cloudstack_sends_it(
    api: Api, bench: Bench, running: Dispatcher, receiver: Receiver
) -> None:
    secret = "0123456789abcdef"
    await hook(api, receiver, format="cloudstack", secret=secret)
    await bench.handle(words.template("t1", name="deb"), number=1, sequence=1, id="m1")
    await bench.handle(words.template("t1", name="deb", ready=True), number=2, sequence=2, id="m2")
    await eventually(lambda: len(receiver.got) == 2)
    first, second = receiver.got
    assert second.told == {
        "event": "TEMPLATE.CREATE",
        "status": "Completed",
        "user": "admin",
        "account": "admin",
        "entity": "Template",
        "entityuuid": "t1",
        "description": "Successfully completed creating template: deb",
        "eventDateTime": second.told["eventDateTime"],
    }
    assert first.told["status"] == "Started"
    headers = second.headers
    assert headers["X-CS-Event"] == "TEMPLATE.CREATE"
    assert headers["X-CS-Event-ID"] == "m2.action"
    assert headers["User-Agent"].startswith("CS-Hookshot/")
    mac = hmac.new(secret.encode(), second.body, hashlib.sha256).digest()
    assert headers["X-CS-Signature"] == base64.b64encode(mac).decode()


async def test_filters_choose_nouns_types_and_an_account(
    api: Api, bench: Bench, running: Dispatcher, receiver: Receiver
) -> None:
    await hook(api, receiver, nouns=["zone", "template"], types=["ZoneAdded", "TemplateChanged"])
    await bench.handle(words.pool("p1"), sequence=1)
    await say(bench, 1)
    await bench.handle(words.template("t1"), sequence=1, number=1)
    events = await receiver.has(2)
    assert [event["type"] for event in events] == ["ZoneAdded", "TemplateChanged"]


async def test_an_account_is_told_its_own_and_what_is_everybodys(
    api: Api, bench: Bench, running: Dispatcher, receiver: Receiver, other_receiver: Receiver
) -> None:
    someone, someones_id = await account(api)
    await hook(someone, receiver)
    await hook(api, other_receiver, of_account=someones_id)
    await bench.handle(words.pool("p1"), sequence=1)
    await bench.handle(words.template("t1", account_id="other"), sequence=1, number=1)
    await bench.handle(words.template("t2", account_id=someones_id), sequence=1, number=1)
    await say(bench, 1)
    assert [event["subject"] for event in await receiver.has(2)] == ["template/t2", "zone/z1"]
    assert [event["subject"] for event in await other_receiver.has(1)] == ["template/t2"]


async def test_who_may_do_less_is_told_less_at_once(
    api: Api, bench: Bench, running: Dispatcher, receiver: Receiver
) -> None:
    made = await api.post("/v1/accounts", {"name": "boss", "admin": True})
    boss = api.as_account(made.body["api_key"])
    await hook(boss, receiver)
    await bench.handle(words.pool("p1"), sequence=1)
    await receiver.has(1)
    async with bench.database.connection() as connection:
        await connection.execute(
            "UPDATE accounts SET role = 'user' WHERE id = $1", made.body["account_id"]
        )
    await bench.handle(words.pool("p2"), sequence=1)
    await say(bench, 1)
    assert [event["subject"] for event in await receiver.has(2)] == ["store/p1", "zone/z1"]


async def test_a_paused_sink_goes_on_where_it_stopped(
    api: Api, bench: Bench, running: Dispatcher, receiver: Receiver
) -> None:
    sink = await hook(api, receiver, paused=True)
    for number in (1, 2):
        await say(bench, number)
    found = await shown(api, sink)
    assert (found["state"], found["lag_events"]) == ("paused", 2)
    await api.post(f"/v1/sinks/{sink['id']}/resume")
    await receiver.has(2)
    await api.post(f"/v1/sinks/{sink['id']}/pause")
    await say(bench, 3)
    assert (await shown(api, sink))["lag_events"] == 1
    assert len(receiver.got) == 2


async def test_events_are_told_again_from_where_one_asks(
    api: Api, bench: Bench, running: Dispatcher, receiver: Receiver
) -> None:
    sink = await hook(api, receiver)
    for number in range(1, 5):
        await say(bench, number)
    second = (await receiver.has(4))[1]
    path = f"/v1/sinks/{sink['id']}/redeliver"
    assert (await api.post(path, {"after": second["position"]})).status == 200
    await eventually(lambda: len(receiver.got) == 6)
    assert [event["id"] for event in receiver.taken[4:]] == [
        event["id"] for event in receiver.taken[2:4]
    ]
    assert (await api.post(path, {"since": "2020-01-01T00:00:00Z"})).status == 200
    await eventually(lambda: len(receiver.got) == 10)
    assert (await api.post(path, {"after": "now"})).status == 200
    assert (await api.post(path, {"after": "nonsense"})).status == 400


async def test_an_event_nobody_takes_can_be_left_out(
    api: Api, bench: Bench, running: Dispatcher, receiver: Receiver
) -> None:
    receiver.judge = lambda told: 400 if told["sequence"] == 1 else 200
    sink = await hook(api, receiver)
    await say(bench, 1)
    await eventually(lambda: len(receiver.got) > 1)
    await api.post(f"/v1/sinks/{sink['id']}/redeliver", {"after": "now"})
    await say(bench, 2)
    assert [event["sequence"] for event in await receiver.has(1)] == [2]


async def test_a_sink_is_told_no_faster_than_it_wants(
    api: Api, bench: Bench, running: Dispatcher, receiver: Receiver
) -> None:
    began = asyncio.get_running_loop().time()
    await hook(api, receiver, rate=10)
    for number in range(1, 9):
        await say(bench, number)
    await receiver.has(8)
    # a burst of half a second, then ten in a second
    assert asyncio.get_running_loop().time() - began > 0.25


async def test_a_test_event_says_what_came_of_it(api: Api, receiver: Receiver) -> None:
    sink = await hook(api, receiver, paused=True)
    tried = await api.post(f"/v1/sinks/{sink['id']}/test")
    assert (tried.status, tried.body["delivered"]) == (200, True)
    assert receiver.taken[0]["type"] == "SinkTest"
    receiver.judge = lambda told: 403
    tried = await api.post(f"/v1/sinks/{sink['id']}/test")
    assert tried.body["delivered"] is False
    assert tried.body["error"]["cause"] == "it answered 403"


async def test_redirects_are_not_followed(
    api: Api, receiver: Receiver, other_receiver: Receiver
) -> None:
    receiver.judge = lambda told: 307
    receiver.headers = {"Location": other_receiver.url}
    sink = await hook(api, receiver)
    tried = await api.post(f"/v1/sinks/{sink['id']}/test")
    assert tried.body["error"]["cause"] == "it answered 307"
    assert other_receiver.got == []


async def test_a_removed_sink_is_told_nothing_more(
    api: Api, bench: Bench, running: Dispatcher, receiver: Receiver
) -> None:
    sink = await hook(api, receiver)
    await say(bench, 1)
    await receiver.has(1)
    assert (await api.delete(f"/v1/sinks/{sink['id']}")).status == 200
    assert (await api.get(f"/v1/sinks/{sink['id']}")).status == 404
    await say(bench, 2)
    assert len(receiver.got) == 1


@pytest.mark.parametrize("secret", ["whsec_" + base64.b64encode(b"k" * 24).decode(), "plain" * 5])
async def test_a_secret_may_be_brought_along(api: Api, receiver: Receiver, secret: str) -> None:
    sink = await hook(api, receiver, secret=secret)
    await api.post(f"/v1/sinks/{sink['id']}/test")
    got = receiver.got[0]
    key = secret.encode() if secret.startswith("plain") else b"k" * 24
    assert signed_by(got, "whsec_" + base64.b64encode(key).decode())
    assert json.loads(got.body)["subject"] == f"sink/{sink['id']}"
