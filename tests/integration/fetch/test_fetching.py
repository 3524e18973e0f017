"""The guarded client fetches like a good HTTP client: ranges, redirects, kept connections."""

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr
from stowage_contracts.errors import Retry, SourceRefused, StowageError, Unavailable
from stowage_contracts.grants import FetchRules
from stowage_runtime.fetch import GuardedClient

from tests.integration.fetch.conftest import LOOPBACK, QUICK, Site

BODY = bytes(range(256)) * 16


def ranged(request: web.Request) -> web.Response:
    """BODY, or the range asked for."""
    asked = request.http_range
    if asked.start is None:
        return web.Response(body=BODY, headers={"ETag": '"v1"'})
    stop = min(asked.stop or len(BODY), len(BODY))
    headers = {"Content-Range": f"bytes {asked.start}-{stop - 1}/{len(BODY)}", "ETag": '"v1"'}
    return web.Response(status=206, body=BODY[asked.start : stop], headers=headers)


async def test_ranges_share_a_kept_connection(site: Site, client: GuardedClient) -> None:
    site.answers["/image"] = ranged
    for start in (0, 1000, 2000):
        response = await client.get(
            SecretStr(site.url("/image")), {"Range": f"bytes={start}-{start + 9}"}
        )
        assert response.status == 206
        assert await response.read() == BODY[start : start + 10]
    assert site.connections == 1


async def test_bytes_come_as_they_are_stored(site: Site, client: GuardedClient) -> None:
    site.answers["/image"] = ranged
    response = await client.get(site.url("/image"))
    await response.read()
    sent = site.requests[0].headers
    assert (sent["Accept-Encoding"], "Cookie" in sent) == ("identity", False)


async def test_a_source_that_compresses_anyway_is_refused(
    site: Site, client: GuardedClient
) -> None:
    site.answers["/image"] = lambda _: web.Response(headers={"Content-Encoding": "gzip"})
    with pytest.raises(SourceRefused, match="gzip") as caught:
        await client.get(site.url("/image"))
    assert caught.value.code == "source.encoding"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed_with_the_range(
    site: Site, client: GuardedClient, status: int
) -> None:
    site.answers["/old"] = lambda _: web.Response(status=status, headers={"Location": "new"})
    site.answers["/new"] = ranged
    response = await client.get(site.url("/old"), {"Range": "bytes=1-2", "Authorization": "B x"})
    assert await response.read() == BODY[1:3]
    assert site.requests[1].headers["Authorization"] == "B x"


async def test_credentials_do_not_follow_to_another_origin(
    site: Site, client: GuardedClient
) -> None:
    target = site.url("/new", "127.0.0.2").replace("127.0.0.2", "localhost")
    site.answers["/old"] = lambda _: web.Response(status=302, headers={"Location": target})
    site.answers["/new"] = ranged
    url = site.url("/old").replace("http://", "http://me:canary@")
    response = await client.get(url, {"Range": "bytes=1-2", "X-Auth-Token": "canary"})
    assert await response.read() == BODY[1:3]
    assert "Authorization" in site.requests[0].headers
    assert "canary" not in str(site.requests[1].headers)
    assert "Authorization" not in site.requests[1].headers


async def test_cookies_are_neither_kept_nor_sent(site: Site, client: GuardedClient) -> None:
    site.answers["/old"] = lambda _: web.Response(
        status=302, headers={"Location": "/new", "Set-Cookie": "a=b"}
    )
    site.answers["/new"] = ranged
    await (await client.get(site.url("/old"))).read()
    assert "Cookie" not in site.requests[1].headers


@pytest.mark.parametrize("proxy", ["http_proxy", "HTTP_PROXY", "ALL_PROXY"])
async def test_the_environment_does_not_reroute(
    site: Site, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv(proxy, "http://10.0.0.1:3128")
    site.answers["/image"] = ranged
    async with GuardedClient(LOOPBACK, QUICK) as client:
        assert await (await client.get(site.url("/image"))).read() == BODY


async def test_a_signed_url_keeps_its_spelling(site: Site, client: GuardedClient) -> None:
    site.answers["/a b"] = ranged
    query = "X-Amz-Credential=AK%2F2026%2Fs3&X-Amz-Signature=a+b%20c"
    await (await client.get(site.url(f"/a%20b?{query}"))).read()
    assert site.requests[0].raw_path == f"/a%20b?{query}"


async def test_a_url_with_plain_spaces_and_umlauts_works(site: Site, client: GuardedClient) -> None:
    site.answers["/ä b"] = ranged
    assert await (await client.get(site.url("/ä b"))).read() == BODY


def status(code: int) -> Callable[[web.Request], web.Response]:
    return lambda _: web.Response(status=code)


@pytest.mark.parametrize(
    ("code", "told", "retry"),
    [
        (404, "source.not_found", Retry.FINAL),
        (410, "source.not_found", Retry.FINAL),
        (401, "source.unauthorized", Retry.FINAL),
        (403, "source.unauthorized", Retry.FINAL),
        (400, "source.status", Retry.FINAL),
        (305, "source.status", Retry.FINAL),
        (429, "unavailable.source", Retry.AGAIN),
        (500, "unavailable.source", Retry.AGAIN),
        (503, "unavailable.source", Retry.AGAIN),
    ],
)
async def test_a_bad_status_becomes_an_error_that_says_whether_to_retry(
    site: Site, client: GuardedClient, code: int, told: str, retry: Retry
) -> None:
    site.answers["/image"] = status(code)
    with pytest.raises(StowageError) as caught:
        await client.get(site.url("/image?sig=canary"))
    assert (caught.value.code, caught.value.retry) == (told, retry)
    assert "canary" not in str(caught.value.problem)


@pytest.mark.parametrize("code", [304, 412, 416])
async def test_answers_to_the_callers_conditions_are_the_callers(
    site: Site, client: GuardedClient, code: int
) -> None:
    site.answers["/image"] = status(code)
    assert (await client.get(site.url("/image"), {"If-Match": '"v0"'})).status == code


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-0"}])
async def test_a_source_over_the_limit_is_refused_at_once(
    site: Site, headers: dict[str, str]
) -> None:
    site.answers["/image"] = ranged
    rules = FetchRules(allow=LOOPBACK.allow, max_bytes=len(BODY) - 1)
    async with GuardedClient(rules, QUICK) as client:
        with pytest.raises(SourceRefused) as caught:
            await client.get(site.url("/image"), headers)
    assert caught.value.code == "source.too_large"


async def test_a_source_that_says_nothing_is_unavailable(site: Site, client: GuardedClient) -> None:
    async def silent(_request: web.Request) -> Any:
        await asyncio.Event().wait()

    site.answers["/image"] = silent
    with pytest.raises(Unavailable, match="SocketTimeout"):
        await client.get(site.url("/image"))


async def test_a_closed_port_is_unavailable(site: Site, client: GuardedClient) -> None:
    with pytest.raises(Unavailable):
        await client.get("http://127.0.0.1:1/image")


async def test_an_unknown_name_is_unavailable(client: GuardedClient) -> None:
    with pytest.raises(Unavailable):
        await client.get("http://no-such-host.invalid/image")


async def test_a_certificate_nobody_trusts_is_refused(
    client: GuardedClient, tmp_path: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path / "server.pem"))
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(SourceRefused) as caught:
            await client.get(f"https://127.0.0.1:{port}/image")
    assert caught.value.code == "source.tls"


def self_signed(path: Path) -> Path:
    """A key and a certificate of its own making, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(pem))
    return path
