"""The proxy relays, cuts, stalls and comes back on the same port."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator

import pytest

from tests.servers.proxy import Proxy


async def _echo(reader: StreamReader, writer: StreamWriter) -> None:
    while data := await reader.read(1024):
        writer.write(data.upper())
        await writer.drain()
    writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    echo = await asyncio.start_server(_echo, "127.0.0.1", 0)
    async with Proxy("127.0.0.1", echo.sockets[0].getsockname()[1]) as proxy:
        yield proxy
    echo.close()


async def _say(ends: tuple[StreamReader, StreamWriter], text: bytes) -> bytes:
    reader, writer = ends
    writer.write(text)
    return await asyncio.wait_for(reader.read(100), 5)


async def test_it_relays_both_ways(proxy: Proxy) -> None:
    ends = await asyncio.open_connection("127.0.0.1", proxy.port)
    assert await _say(ends, b"hello") == b"HELLO"
    ends[1].close()


async def test_end_of_stream_is_passed_on_and_the_answer_still_arrives(proxy: Proxy) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"last words")
    writer.write_eof()
    assert await asyncio.wait_for(reader.read(), 5) == b"LAST WORDS"
    writer.close()


async def test_cut_ends_connections_and_refuses_new_ones(proxy: Proxy) -> None:
    ends = await asyncio.open_connection("127.0.0.1", proxy.port)
    assert await _say(ends, b"hello") == b"HELLO"
    await proxy.cut()
    with pytest.raises(ConnectionError):
        await asyncio.open_connection("127.0.0.1", proxy.port)
    ends[1].transport.abort()


async def test_a_cut_connection_is_reset_for_its_client(proxy: Proxy) -> None:
    ends = await asyncio.open_connection("127.0.0.1", proxy.port)
    assert await _say(ends, b"hello") == b"HELLO"
    await proxy.cut()
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(ends[0].read(1), 5)
    ends[1].transport.abort()


async def test_restore_accepts_on_the_same_port(proxy: Proxy) -> None:
    port = proxy.port
    await proxy.cut()
    await proxy.restore()
    assert proxy.port == port
    ends = await asyncio.open_connection("127.0.0.1", port)
    assert await _say(ends, b"again") == b"AGAIN"
    ends[1].close()


async def test_stall_holds_bytes_back_until_restore(proxy: Proxy) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    proxy.stall()
    writer.write(b"patience")
    answer = asyncio.create_task(reader.read(100))
    done, _ = await asyncio.wait({answer}, timeout=0.2)
    assert not done
    await proxy.restore()
    assert await asyncio.wait_for(answer, 5) == b"PATIENCE"
    writer.close()


async def test_a_target_that_refuses_ends_the_connection() -> None:
    async with Proxy("127.0.0.1", 1) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.read(1), 5)
        writer.transport.abort()
