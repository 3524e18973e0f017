"""The gateway while its database or its broker is really stopped: honest, prompt, back soon."""

import asyncio
import itertools

import pytest
from stowage_runtime.testing.eventually import eventually

from tests.integration.api_gateway.conftest import Site
from tests.integration.api_gateway.test_broker import joined, said
from tests.servers.server import Server
from tests.unit.api_gateway import words
from tests.unit.api_gateway.api import Answer, Events

PROMPT = 12
"""Seconds in which anything is answered: the longest wait for a connection, and a little."""


@pytest.fixture
def database_url(private_database_url: str) -> str:
    return private_database_url


@pytest.fixture
def rabbitmq_url(private_rabbitmq: Server) -> str:
    return private_rabbitmq.url


@pytest.fixture
def rabbitmq_management_url(private_rabbitmq: Server) -> str:
    return private_rabbitmq.exports()["STOWAGE_TEST_AMQP_MANAGEMENT_URL"]


def assert_away(told: Answer) -> None:
    assert (told.status, told.body["code"]) == (503, "unavailable.database")
    assert told.body["retryable"] is True
    assert int(told.headers["Retry-After"]) >= 1


async def test_a_stopped_database_is_told_and_nothing_is_half_done(
    site: Site, private_postgres: Server
) -> None:
    await joined(site)
    async with site.api.events("?noun=zone") as events:
        await heard(site, events, "before", 2)
        await asyncio.to_thread(private_postgres.stop)
        try:
            await refused(site)
        finally:
            await asyncio.to_thread(private_postgres.start)

        async def taken() -> bool:
            return (await site.api.post("/v1/zones", {"id": "z1", "name": "one"})).status == 202

        await eventually(taken, 30)
        assert (await site.api.get("/v1/zones/z1")).status == 200
        (envelope,) = await site.owner.has(1)
        assert envelope.subject == "zone/z1"
        assert envelope.data["name"] == "one"
        await heard(site, events, "after", 100)


@pytest.mark.slow
async def test_a_stopped_broker_stops_no_request_but_what_only_an_owner_knows(
    site: Site, private_rabbitmq: Server
) -> None:
    await joined(site)
    await asyncio.to_thread(private_rabbitmq.stop)
    try:
        async with asyncio.timeout(2 * PROMPT):
            assert (await site.api.post("/v1/zones", {"id": "z1", "name": "one"})).status == 202
            assert (await site.api.get("/v1/zones?name=one")).body["items"][0]["id"] == "z1"
            told = await site.api.post("/v1/placement/explain", {"format": "raw"})
        assert (told.status, told.body["code"].partition(".")[0]) == (503, "unavailable")
        assert int(told.headers["Retry-After"]) >= 1
        assert (await site.api.get("/readyz")).status == 200
    finally:
        await asyncio.to_thread(private_rabbitmq.start)
    async with asyncio.timeout(60):
        (envelope,) = await site.owner.has(1)
    assert envelope.subject == "zone/z1"


async def heard(site: Site, events: Events, name: str, first: int) -> None:
    """Until the owner's word comes along the open stream."""
    for sequence in itertools.count(first):
        await site.peer.send(said(words.zone("probe", name), sequence), mandatory=False)
        told = await events.next()
        if told["data"]["state"]["name"] == name:
            return


async def refused(site: Site) -> None:
    async with asyncio.timeout(4 * PROMPT):
        assert_away(await site.api.get("/v1/templates"))
        assert_away(await site.api.post("/v1/zones", {"id": "z1", "name": "never"}))
        query = "/client/api?command=listZones&response=json&apiKey=k&signature=s"
        assert (await site.api.get(query)).status == 503
        assert (await site.api.get("/healthz")).status == 200
        ready = await site.api.get("/readyz")
    checks = {check["name"]: check for check in ready.body["checks"]}
    assert (ready.status, checks["database"]["ok"]) == (503, False)
    assert (await site.api.get("/v1/errors/unavailable.database")).status == 200
