"""Requests reach handlers validated; every failure comes back as a problem."""

import asyncio
from typing import Any, cast

import aiohttp
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from stowage_contracts.errors import Unavailable
from stowage_runtime.http import Route
from stowage_runtime.http.health import Check
from stowage_runtime.http.server import HttpServer, Surface

from tests.unit.runtime_http.conftest import World, whoami

Client = aiohttp.ClientSession


async def problem(response: aiohttp.ClientResponse) -> dict[str, Any]:
    """The problem of a response, checked to be one."""
    assert response.content_type == "application/problem+json"
    found: dict[str, Any] = await response.json()
    assert found["status"] == response.status
    assert found["cause"]
    return found


async def test_a_body_arrives_as_its_model(client: Client) -> None:
    async with client.post("/things", json={"name": "disk", "size": 5}) as response:
        assert response.status == 201
        assert await response.json() == {"name": "disk", "size": 5}


async def test_a_query_arrives_as_its_model(client: Client) -> None:
    async with client.get("/things?limit=7&tag=a&tag=b") as response:
        assert await response.json() == {"name": "a,b", "size": 7}


async def test_a_reply_may_add_headers(client: Client) -> None:
    async with client.get("/things/disk") as response:
        assert response.headers["ETag"] == '"1"'
        assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "name"), ({"name": ""}, "name"), ({"name": "x", "size": "canary"}, "size"), ([], "")],
)
async def test_a_bad_body_is_refused_field_by_field(client: Client, body: Any, field: str) -> None:
    async with client.post("/things", json=body) as response:
        found = await problem(response)
    assert (response.status, found["code"]) == (400, "invalid.body")
    assert field in [row["field"] for row in found["details"]["fields"]]
    assert "canary" not in str(found)


@pytest.mark.parametrize("raw", ["{", "\x00", "null"])
async def test_a_body_that_is_no_json_object_is_refused(client: Client, raw: str) -> None:
    headers = {"Content-Type": "application/json"}
    async with client.post("/things", data=raw, headers=headers) as response:
        assert (await problem(response))["code"] == "invalid.body"


async def test_a_bad_query_is_refused(client: Client) -> None:
    async with client.get("/things?limit=1000") as response:
        found = await problem(response)
    assert found["details"]["fields"][0]["field"] == "limit"


async def test_another_media_type_is_refused(client: Client) -> None:
    async with client.post("/things", data="name=x", headers={"Content-Type": "text/x"}) as r:
        assert (r.status, (await problem(r))["code"]) == (415, "invalid.media_type")


async def test_a_body_over_the_limit_is_refused(client: Client) -> None:
    async with client.post("/things", json={"name": "x" * 2000}) as response:
        assert (response.status, (await problem(response))["code"]) == (413, "invalid.too_large")


async def test_a_body_that_trickles_is_given_up(client: Client) -> None:
    async def trickle() -> Any:
        yield b"{"
        await asyncio.sleep(30)

    headers = {"Content-Type": "application/json"}
    async with client.post("/things", data=trickle(), headers=headers) as response:
        assert (response.status, (await problem(response))["code"]) == (408, "invalid.slow")


async def test_an_error_keeps_its_code_cause_resource_and_hint(client: Client) -> None:
    async with client.get("/things/missing") as response:
        found = await problem(response)
    assert (response.status, found["code"], found["retry"]) == (404, "not_found", "final")
    assert (found["resource"], found["hint"]) == ("thing/missing", "list them")


async def test_something_away_says_when_to_come_back(client: Client) -> None:
    async with client.get("/things/away") as response:
        assert (await problem(response))["retry"] == "again"
        assert response.headers["Retry-After"] == "2"


async def test_an_unexpected_error_tells_only_its_trace(client: Client, spans: Any) -> None:
    async with client.get("/things/broken") as response:
        text = await response.text()
        found = await problem(response)
    assert (response.status, found["code"]) == (500, "internal")
    assert "canary" not in text
    assert found["details"]["trace_id"] == response.headers["Trace-Id"]


async def test_an_unknown_path_is_a_problem(client: Client) -> None:
    async with client.get("/nowhere") as response:
        assert (response.status, (await problem(response))["code"]) == (404, "not_found.path")


async def test_a_wrong_method_names_the_right_ones(client: Client) -> None:
    async with client.delete("/things") as response:
        assert (response.status, (await problem(response))["code"]) == (405, "invalid.method")
        assert response.headers["Allow"] == "GET, POST"


async def test_an_answer_that_takes_too_long_is_given_up(client: Client) -> None:
    async with client.get("/late") as response:
        assert (response.status, (await problem(response))["code"]) == (503, "unavailable.timeout")


async def test_a_caller_is_asked_for_credentials(client: Client) -> None:
    async with client.get("/me") as response:
        assert (response.status, (await problem(response))["code"]) == (401, "not_authorized")
        assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_a_known_caller_arrives_as_principal(client: Client) -> None:
    async with client.get("/me", headers={"Authorization": "Bearer good"}) as response:
        assert (await response.json())["name"] == "admin"


async def test_a_service_without_authentication_takes_no_callers(world: World) -> None:
    rows = [Route("GET", "/me", whoami, "Who?")]
    surface = Surface("closed", rows, lambda: cast(Any, None), world)
    server = HttpServer(surface, "127.0.0.1", 0)
    await server.start()
    url = f"http://127.0.0.1:{server.port}/me"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert (await problem(response))["code"] == "not_authorized.closed"
    await server.stop()


async def test_a_request_continues_the_trace_of_its_caller(
    client: Client, spans: InMemorySpanExporter
) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    async with client.get("/things/disk", headers={"traceparent": parent}) as response:
        assert response.headers["Trace-Id"] == "0af7651916cd43dd8448eb211c80319c"
    assert spans.get_finished_spans()[-1].name == "GET /things/{id}"


async def test_a_healthy_service_says_so(client: Client, world: World) -> None:
    async def good() -> None: ...

    world.checks.append(Check("database", good))
    async with client.get("/healthz") as response:
        assert (response.status, (await response.json())["alive"]) == (200, True)
    async with client.get("/readyz") as response:
        assert (response.status, (await response.json())["ready"]) == (200, True)


async def test_a_dead_loop_is_unhealthy(client: Client, world: World) -> None:
    world.stopped.append("relay")
    async with client.get("/healthz") as response:
        assert (response.status, (await response.json())["stopped"]) == (503, ["relay"])


@pytest.mark.parametrize(("needed", "status"), [(True, 503), (False, 200)])
async def test_a_missing_dependency_is_told(
    client: Client, world: World, needed: bool, status: int
) -> None:
    async def bad() -> None:
        raise Unavailable("not connected", resource="rabbitmq", hint="is it up?", code="broker")

    world.checks.append(Check("broker", bad, needed))
    async with client.get("/readyz") as response:
        found = (await response.json())["checks"][0]
    assert response.status == status
    assert (found["ok"], found["problem"]["code"]) == (False, "unavailable.broker")


async def test_invented_methods_and_paths_do_not_swell_the_metrics(client: Client) -> None:
    async with client.request("CANARY", "/canary") as response:
        await response.read()
    async with client.get("/metrics") as response:
        assert "canary" not in (await response.text()).lower()


async def test_metrics_count_requests_by_route(client: Client) -> None:
    from stowage_runtime.telemetry.metrics import start_metrics

    start_metrics()
    async with client.get("/things/disk") as response:
        await response.read()
    async with client.get("/metrics") as response:
        text = await response.text()
        assert response.content_type == "text/plain"
    assert 'route="/things/{id}",service="things",status="200"' in text


async def test_a_body_that_cannot_be_decoded_is_refused(client: Client) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    async with client.post("/things", data=b"this is no gzip", headers=headers) as response:
        assert response.status == 400
        assert (await problem(response))["code"] == "invalid.body"
