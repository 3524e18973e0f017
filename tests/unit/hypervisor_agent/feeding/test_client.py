"""What a peer says is believed only where it can be true."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from hypervisor_agent.feeding.client import ARRIVED, Lost, NotYet, PeerClient
from stowage_contracts.messages.hypervisor_agent import Peer


@asynccontextmanager
async def peer(status: int, body: bytes = b"", **headers: str) -> AsyncIterator[PeerClient]:
    """A client of a peer that always answers so."""

    async def answer(_request: web.Request) -> web.Response:
        told = {name.replace("_", "-"): text for name, text in headers.items()}
        return web.Response(status=status, body=body, headers=told)

    app = web.Application()
    app.router.add_get("/p/{hop_id}", answer)
    async with TestServer(app) as server, ClientSession() as session:
        url = f"http://127.0.0.1:{server.port}"
        yield PeerClient(Peer(host_id="h", hop_id="hop", url=url, ticket="t"), session)


@pytest.mark.parametrize(
    ("told", "arrived"),
    [("7", 7), ("", 0), ("-1", 0), ("9" * 18, 10**18 - 1), ("9" * 19, 0), ("9" * 5000, 0)],
)
async def test_a_figure_that_cannot_be_is_no_figure(told: str, arrived: int) -> None:
    async with peer(425, b"", **{ARRIVED: told}) as client:
        with pytest.raises(NotYet) as waits:
            await client.fetch(0, memoryview(bytearray(4)))
    assert waits.value.arrived == arrived


@pytest.mark.parametrize(
    ("body", "span"),
    [
        (b"four", "bytes 1-4/9"),
        (b"four", "bytes 0-4/9"),
        (b"four", "bytes */9"),
        (b"four", ""),
        (b"fives", "bytes 0-3/9"),
    ],
)
async def test_another_range_or_a_longer_body_ends_the_trust(body: bytes, span: str) -> None:
    async with peer(206, body, Content_Range=span) as client:
        with pytest.raises(Lost) as lost:
            await client.fetch(0, memoryview(bytearray(4)))
    assert lost.value.final


async def test_a_short_body_is_asked_for_again() -> None:
    async with peer(206, b"two", Content_Range="bytes 0-3/9") as client:
        with pytest.raises(Lost) as lost:
            await client.fetch(0, memoryview(bytearray(4)))
    assert not lost.value.final
