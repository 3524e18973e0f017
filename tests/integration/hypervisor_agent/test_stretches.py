"""Long ranges read part by part, straight from the socket, with and without TLS."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypervisor_agent.transports.http_stretch import Stretch
from stowage_contracts.errors import Unavailable

from tests.integration.hypervisor_agent.kit import MIB, noise

DATA = noise(9 * MIB)
PART = 4 * MIB


def certified(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context, and that of a client who trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "chain").write_bytes(key.private_bytes(pem, *plain) + made.public_bytes(pem))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "chain")
    return server, ssl.create_default_context(cafile=str(folder / "chain"))


Contexts = tuple[ssl.SSLContext, ssl.SSLContext] | None
Get = Callable[[], Awaitable[aiohttp.ClientResponse]]


@asynccontextmanager
async def answering(contexts: Contexts, short: int = 0) -> AsyncIterator[aiohttp.ClientResponse]:
    """DATA as an answer; ``short`` bytes of it never come."""
    async with asking(contexts, short) as (get, _):
        yield await get()


@asynccontextmanager
async def asking(contexts: Contexts, short: int = 0) -> AsyncIterator[tuple[Get, set[int]]]:
    """How to ask for DATA, and the ports that asked."""
    ports: set[int] = set()

    async def data(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        ports.add(request.transport.get_extra_info("peername")[1])
        answer = web.StreamResponse(headers={"Content-Length": str(len(DATA))})
        await answer.prepare(request)
        await answer.write(DATA[: len(DATA) - short])
        if short:
            request.transport.abort()
        return answer

    app = web.Application()
    app.router.add_get("/", data)
    runner = web.AppRunner(app)
    await runner.setup()
    server, client = contexts or (None, True)
    site = web.TCPSite(runner, "localhost", 0, ssl_context=server)
    await site.start()
    port = runner.addresses[0][1]
    url = f"http{'s' if server else ''}://localhost:{port}/"
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=client)) as session:
            yield lambda: session.get(url), ports
    finally:
        await runner.cleanup()


async def fill(stretch: Stretch, length: int) -> bytes:
    buffer = bytearray(length)
    async with asyncio.timeout(10):
        counts = [count async for count in stretch.fill(memoryview(buffer))]
    assert sum(counts) == length
    return bytes(buffer)


@pytest.mark.parametrize("secure", [False, True])
async def test_parts_of_an_answer_come_whole_and_in_order(secure: bool, tmp_path: Path) -> None:
    async with answering(certified(tmp_path) if secure else None) as answer:
        stretch = Stretch(answer, len(DATA))
        read = b""
        while not stretch.over:
            read += await fill(stretch, min(PART, len(DATA) - len(read)))
            await asyncio.sleep(0.02)  # the connection has time to be read too early
        stretch.close()
    assert read == DATA


@pytest.mark.parametrize("secure", [False, True])
async def test_an_answer_that_breaks_off_may_be_asked_for_again(
    secure: bool, tmp_path: Path
) -> None:
    async with answering(certified(tmp_path) if secure else None, short=MIB) as answer:
        stretch = Stretch(answer, len(DATA))
        with pytest.raises(Unavailable):
            await fill(stretch, len(DATA))
        stretch.close()


async def test_a_reader_that_leaves_in_the_middle_leaves_nothing_behind() -> None:
    async with answering(None) as answer:
        stretch = Stretch(answer, len(DATA))
        await fill(stretch, PART)
        waiting = asyncio.create_task(fill(stretch, PART))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        stretch.close()


@pytest.mark.parametrize("secure", [False, True])
async def test_a_connection_serves_one_stretch_after_the_other(
    secure: bool, tmp_path: Path
) -> None:
    async with asking(certified(tmp_path) if secure else None) as (get, ports):
        for _ in range(3):
            stretch = Stretch(await get(), len(DATA))
            assert await fill(stretch, len(DATA)) == DATA
            stretch.close()
    assert len(ports) == 1


async def test_a_connection_that_has_ended_is_not_used_again() -> None:
    async with asking(None) as (get, ports):
        for _ in range(2):
            answer = await get()
            stretch = Stretch(answer, len(DATA))
            await fill(stretch, len(DATA))
            assert answer.connection is not None
            assert answer.connection.transport is not None
            answer.connection.transport.close()
            stretch.close()
    assert len(ports) == 2


async def test_bytes_after_an_answer_are_never_taken_for_the_next_one() -> None:
    async def lying(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(DATA)}\r\n\r\n"
            writer.write(head.encode() + DATA + b"more" * 1000)

    server = await asyncio.start_server(lying, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, aiohttp.ClientSession() as session:
        for _ in range(2):
            stretch = Stretch(await session.get(url), len(DATA))
            assert await fill(stretch, len(DATA)) == DATA
            stretch.close()
            await asyncio.sleep(0.02)  # what is left over has time to come
