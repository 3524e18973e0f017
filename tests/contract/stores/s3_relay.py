"""A relay before the S3 server: speaks TLS, loses replies, tells other headers."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import aiohttp
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from yarl import URL

from tests.servers.s3 import S3Server

_HOP_BY_HOP = ("connection", "transfer-encoding", "keep-alive")


@dataclass(frozen=True)
class Answer:
    """What the server answered."""

    status: int
    headers: dict[str, str]
    body: bytes


Meddler = Callable[[web.Request, Answer], Answer | None]
"""Changes an answer; None loses it."""


def unchanged(request: web.Request, answer: Answer) -> Answer | None:
    """Meddles with nothing."""
    return answer


@asynccontextmanager
async def relay(
    server: S3Server, meddle: Meddler = unchanged, tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """The relay's endpoint."""
    limit = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(auto_decompress=False, timeout=limit) as session:

        async def pass_on(request: web.Request) -> web.Response:
            answer = meddle(request, await _asked(session, server, request))
            if answer is None:
                assert request.transport is not None
                request.transport.close()
                return web.Response(status=500)
            return web.Response(status=answer.status, headers=answer.headers, body=answer.body)

        app = web.Application(client_max_size=64 << 20)
        app.router.add_route("*", "/{path:.*}", pass_on)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        try:
            port = runner.addresses[0][1]
            yield f"http{'s' if tls else ''}://127.0.0.1:{port}"
        finally:
            await runner.cleanup()


async def _asked(session: aiohttp.ClientSession, server: S3Server, request: web.Request) -> Answer:
    url = URL(f"{server.endpoint}{request.raw_path}", encoded=True)
    told = {k: v for k, v in request.headers.items() if k.lower() not in (*_HOP_BY_HOP, "expect")}
    body = await request.read()
    chunked = True if "Transfer-Encoding" in request.headers else None
    async with session.request(
        request.method,
        url,
        headers=told,
        data=body or None,
        chunked=chunked,
        skip_auto_headers=("Content-Type",),
    ) as answer:
        headers = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP_BY_HOP}
        return Answer(answer.status, headers, await answer.read())


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS context for 127.0.0.1, and the file that makes a client trust it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    bundle, secret = folder / "ca.pem", folder / "key.pem"
    bundle.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(bundle, secret)
    return context, bundle
