"""Spans reach a collector; without one, and without an answer, a service stops all the same."""

import asyncio
import signal
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from tests.integration.running.conftest import Toy, get, until
from tests.integration.running.test_command import ready, started


class Collector:
    """Takes OTLP over HTTP and keeps it."""

    def __init__(self) -> None:
        self.endpoint, self.bodies = "", list[bytes]()

    async def take(self, request: web.Request) -> web.Response:
        assert request.path == "/v1/traces"
        self.bodies.append(await request.read())
        return web.Response(content_type="application/x-protobuf")


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    found = Collector()
    app = web.Application(client_max_size=1 << 24)
    app.router.add_post("/{tail:.*}", found.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.endpoint = "http://{}:{}".format(*runner.addresses[0][:2])
    yield found
    await runner.cleanup()


async def serve_and_stop(process: Toy, endpoint: str) -> None:
    """Start a service that is told of this collector, ask it something and stop it."""
    serving = await process.start(
        "run", STOWAGE_MIGRATE_ON_START="1", STOWAGE_OTLP_ENDPOINT=endpoint
    )
    port = await started(serving)
    await until(lambda: ready(port))
    await get(port, "/openapi.json")
    serving.send_signal(signal.SIGTERM)
    await asyncio.wait_for(serving.communicate(), 30)
    assert serving.returncode == 0


async def test_spans_reach_the_collector_before_the_end(process: Toy, collector: Collector) -> None:
    await serve_and_stop(process, collector.endpoint)
    sent = b"".join(collector.bodies)
    assert b"GET /openapi.json" in sent
    assert b"image-store" in sent


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:1", "http://10.255.255.1:4318"])
async def test_a_collector_that_does_not_answer_holds_nobody_up(
    process: Toy, endpoint: str
) -> None:
    await serve_and_stop(process, endpoint)
