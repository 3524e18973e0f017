"""Streams end when the client leaves, when they break and when the server stops."""

import asyncio
import socket
from collections.abc import Callable

import aiohttp
import pytest
from stowage_runtime.http.server import HttpServer

from tests.unit.runtime_http.conftest import World

Client = aiohttp.ClientSession


async def until(true: Callable[[], bool]) -> None:
    """Poll, for five seconds at most."""
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.01)


async def test_events_arrive_as_they_are_said(client: Client) -> None:
    async with client.get("/events") as response:
        assert response.content_type == "text/event-stream"
        assert await response.content.readline() == b"data: first\n"


async def test_a_client_that_leaves_ends_its_stream(client: Client, world: World) -> None:
    response = await client.get("/events")
    await response.content.readline()
    response.close()
    await until(lambda: world.streams_closed == 1)


async def test_a_stream_that_breaks_is_not_passed_off_as_whole(
    client: Client, world: World
) -> None:
    response = await client.get("/events")
    await response.content.readline()
    world.release.set()
    with pytest.raises(aiohttp.ClientError):
        await response.read()
    assert world.streams_closed == 1


async def test_stopping_ends_streams_cleanly(
    client: Client, server: HttpServer[World], world: World
) -> None:
    response = await client.get("/events")
    await response.content.readline()
    await server.stop()
    await response.read()
    assert world.streams_closed == 1


async def test_stopping_lets_a_running_request_finish_and_takes_no_more(
    client: Client, server: HttpServer[World], world: World
) -> None:
    asked = asyncio.create_task(client.get("/slow"))
    await until(lambda: world.slow_calls == 1)
    stopping = asyncio.create_task(server.stop())
    await until(lambda: _refused(server.port))
    world.release.set()
    response = await asked
    assert (await response.json())["name"] == "slow"
    await stopping


async def test_stopping_twice_is_stopping_once(server: HttpServer[World]) -> None:
    await server.stop()
    await server.stop()


def _refused(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
