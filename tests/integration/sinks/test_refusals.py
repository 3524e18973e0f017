"""What makes no sink, and where none may lead."""

import asyncio
from typing import Any

import pytest
from api_gateway.deps import Deps
from api_gateway.sinks.dispatcher import Dispatcher
from stowage_runtime.testing.bench import ServiceBench
from stowage_runtime.testing.eventually import eventually

from tests.integration.sinks.receiver import Receiver
from tests.integration.sinks.test_webhooks import hook, say, shown
from tests.unit.api_gateway.api import Api, account

Bench = ServiceBench[Deps]
HOOK = {"name": "hook", "kind": "webhook", "url": "https://hooks.example/x"}
AMQP = {"name": "bus", "kind": "amqp", "exchange": "events", "url": "amqps://u:p@bus.example/v"}


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({**HOOK, "url": ""}, 400, "invalid.body"),
    ({**HOOK, "url": "ftp://hooks.example/x"}, 422, "source.scheme"),
    ({**HOOK, "url": "https://169.254.169.254/latest"}, 422, "source.address_refused"),
    ({**HOOK, "url": "https://10.0.0.1/x"}, 422, "source.address_refused"),
    ({**HOOK, "url": "https://[::1]/x"}, 422, "source.address_refused"),
    ({**HOOK, "url": "http://hooks.example/x"}, 400, "invalid.plaintext"),
    ({**HOOK, "exchange": "events"}, 400, "invalid.body"),
    ({**HOOK, "secret": "short"}, 400, "invalid.body"),
    ({**HOOK, "nouns": ["*"]}, 400, "invalid.body"),
    ({**HOOK, "batch": 0}, 400, "invalid.body"),
    ({**HOOK, "rate": 0}, 400, "invalid.body"),
    ({**HOOK, "after": "yesterday"}, 400, "invalid.position"),
    ({**AMQP, "exchange": None}, 400, "invalid.body"),
    ({**AMQP, "exchange": "stowage.events"}, 400, "invalid.exchange"),
    ({**AMQP, "exchange": "amq.topic"}, 400, "invalid.exchange"),
    ({**AMQP, "url": ""}, 400, "invalid.broker"),
    ({**AMQP, "url": "https://bus.example"}, 400, "invalid.url"),
    ({**AMQP, "url": "amqp://u:p@bus.example/v"}, 400, "invalid.plaintext"),
]


async def test_what_leads_nowhere_is_refused(api: Api) -> None:
    for body, status, code in REFUSED:
        answer = await api.post("/v1/sinks", body)
        assert (answer.status, answer.body["code"]) == (status, code), body


async def test_only_an_admin_publishes_on_a_broker(api: Api) -> None:
    someone, _ = await account(api)
    assert (await someone.post("/v1/sinks", AMQP)).status == 403
    assert (await api.post("/v1/sinks", AMQP)).status == 201


async def test_an_account_has_so_many_however_fast_it_asks(api: Api) -> None:
    someone, _ = await account(api)
    answers = await asyncio.gather(*(someone.post("/v1/sinks", HOOK) for _ in range(8)))
    assert sorted(answer.status for answer in answers) == [201] * 3 + [409] * 5
    assert (await api.post("/v1/sinks", HOOK)).status == 201


async def test_an_id_is_taken_once(api: Api) -> None:
    assert (await api.post("/v1/sinks", {**HOOK, "id": "k"})).status == 201
    assert (await api.post("/v1/sinks", {**HOOK, "id": "k"})).body["code"] == "conflict.exists"


async def test_secrets_and_the_urls_tokens_are_shown_nowhere(
    api: Api, bench: Bench, running: Dispatcher, receiver: Receiver
) -> None:
    receiver.judge = lambda told: 500
    sink = await hook(api, receiver)
    await say(bench, 1)

    async def failed() -> bool:
        return bool((await shown(api, sink))["failures"])

    await eventually(failed)
    async with bench.database.connection() as connection:
        row = await connection.fetchrow("SELECT * FROM sinks")
    told = [str(await shown(api, sink)), str((await api.get("/v1/sinks")).body), str(row)]
    for text in told:
        assert "canary" not in text
        assert sink["secret"] not in text
    assert (await shown(api, sink))["target"] == receiver.url.partition("?")[0]


async def test_a_name_that_leads_inside_is_refused_when_it_is_asked(
    api: Api, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await api.post("/v1/sinks", {**HOOK, "url": "https://localhost:9/x"})
    path = f"/v1/sinks/{made.body['id']}"
    monkeypatch.setattr("api_gateway.sinks.senders.WebhookSender", _nothing_opened)
    tried = await api.post(f"{path}/test")
    assert tried.body["error"]["code"] == "source.address_refused"
    assert "STOWAGE_SINK_ALLOW" in tried.body["error"]["hint"]


def _nothing_opened(sink: Any, _allow: Any) -> Any:
    from api_gateway.sinks.webhook import WebhookSender

    return WebhookSender(sink, ())


async def test_a_change_that_fits_is_made_and_others_are_not(api: Api) -> None:
    sink = (await api.post("/v1/sinks", HOOK)).body
    path = f"/v1/sinks/{sink['id']}"
    changed = await api.call("PATCH", path, {"rate": 7, "nouns": ["zone"], "name": "new"})
    assert (changed.body["rate"], changed.body["nouns"], changed.body["name"]) == (
        7,
        ["zone"],
        "new",
    )
    assert changed.body["version"] == sink["version"] + 1
    assert changed.body["batch"] == sink["batch"]
    table: list[tuple[dict[str, Any], int]] = [
        ({"batch": 1000}, 400),
        ({"url": "https://10.0.0.1/"}, 422),
        ({"kind": "amqp"}, 400),
        ({"nouns": ["no noun"]}, 400),
    ]
    for body, status in table:
        assert (await api.call("PATCH", path, body)).status == status, body
    stale = await api.call("PATCH", path, {"rate": 8}, If_Match=f'"{sink["version"]}"')
    assert (stale.status, stale.body["code"]) == (412, "conflict.changed")
    fresh = await api.get(path)
    named = await api.call("PATCH", path, {"rate": 8}, If_Match=fresh.headers["ETag"])
    assert (named.status, named.body["rate"]) == (200, 8)
