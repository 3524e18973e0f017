"""What an answer refers to is never fetched, and no environment chooses the way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from aiohttp import web
from hypervisor_agent.gate import Expectation, inspect
from stowage_contracts.errors import SourceRefused, Unavailable
from stowage_contracts.grants import FetchRules
from stowage_contracts.values import ImageFormat
from stowage_runtime.fetch import FetchLimits, GuardedClient

from tests.images import MemoryImage
from tests.images.ova import Ova
from tests.integration.fetch.conftest import LOOPBACK, QUICK, Names, Site

METALINK = """<?xml version="1.0" encoding="UTF-8"?>
<metalink xmlns="urn:ietf:params:xml:ns:metalink"><file name="disk.qcow2">
<url>{url}</url></file></metalink>"""
PROXIES = ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY")


SHORT = FetchLimits(connect_seconds=2, answer_seconds=0.5, read_seconds=5)


@asynccontextmanager
async def dripping() -> AsyncIterator[int]:
    """The port of a server whose headers never end, though something always comes."""
    gone = asyncio.Event()

    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        with suppress(ConnectionError, TimeoutError):
            while not gone.is_set():
                writer.write(b"x")
                await writer.drain()
                with suppress(TimeoutError):
                    await asyncio.wait_for(gone.wait(), 0.05)
        writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        gone.set()


async def fetched(site: Site) -> bytes:
    """All that is at ``/x``."""
    async with GuardedClient(LOOPBACK, QUICK) as client, await client.get(site.url("/x")) as answer:
        return await answer.read()


@pytest.mark.parametrize("kind", ["application/metalink4+xml", "application/octet-stream"])
async def test_a_metalink_is_a_document_and_leads_nowhere(
    site: Site, other_site: Site, kind: str
) -> None:
    body = METALINK.format(url=other_site.url("/inner")).encode()
    site.answers["/x"] = lambda _: web.Response(body=body, content_type=kind)
    for declared in (ImageFormat.RAW, ImageFormat.QCOW2):
        stored = MemoryImage(await fetched(site))
        assert (await inspect(stored, Expectation(declared, 1 << 40))).code == "image.document"
    assert other_site.connections == 0


async def test_a_reference_in_an_envelope_leads_nowhere(site: Site, other_site: Site) -> None:
    body = Ova(href=other_site.url("/disk.vmdk")).build()
    site.answers["/x"] = lambda _: web.Response(body=body)
    stored = MemoryImage(await fetched(site))
    verdict = await inspect(stored, Expectation(ImageFormat.OVA, 1 << 40))
    assert verdict.code == "image.ovf_href"
    assert other_site.connections == 0


async def test_headers_that_hint_at_another_place_are_not_followed(
    site: Site, other_site: Site
) -> None:
    there = other_site.url("/inner")
    hints = {
        "Link": f"<{there}>; rel=duplicate; pri=1",
        "Refresh": f"0; url={there}",
        "Content-Location": there,
        "Location": there,
        "Alt-Svc": f'h2="127.0.0.2:{other_site.port}"',
    }
    site.answers["/x"] = lambda _: web.Response(body=b"here", headers=hints)
    assert await fetched(site) == b"here"
    assert await fetched(site) == b"here"
    assert other_site.connections == 0


async def test_several_choices_are_no_answer(site: Site, other_site: Site) -> None:
    there = {"Location": other_site.url("/inner")}
    site.answers["/x"] = lambda _: web.Response(status=300, headers=there)
    with pytest.raises(SourceRefused, match="300"):
        await fetched(site)
    assert other_site.connections == 0


async def test_proxies_of_the_environment_are_not_asked(
    site: Site, other_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in PROXIES:
        monkeypatch.setenv(name, other_site.url(""))
    site.answers["/x"] = lambda _: web.Response(body=b"direct")
    assert await fetched(site) == b"direct"
    async with GuardedClient(FetchRules(), QUICK) as client:
        with pytest.raises(SourceRefused):
            await client.get("http://10.0.0.1/x")
    assert other_site.connections == 0


async def test_a_password_file_of_the_environment_is_not_read(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password canary\n")
    monkeypatch.setenv("NETRC", str(netrc))
    site.answers["/x"] = lambda _: web.Response()
    await fetched(site)
    assert "Authorization" not in site.requests[0].headers


async def test_a_public_name_that_turns_private_at_a_redirect_is_refused(
    site: Site, other_site: Site
) -> None:
    names = Names({"images.example": [["127.0.0.1"], ["127.0.0.2"]]})
    there = {"Location": other_site.url("/inner", "images.example")}
    site.answers["/x"] = lambda _: web.Response(status=302, headers=there)
    async with GuardedClient(FetchRules(allow=("127.0.0.1/32",)), QUICK, names) as client:
        with pytest.raises(SourceRefused, match="may not be reached"):
            await client.get(site.url("/x", "images.example"))
    assert (site.connections, other_site.connections) == (1, 0)


async def test_headers_that_drip_are_waited_for_only_so_long() -> None:
    async with dripping() as port, GuardedClient(LOOPBACK, SHORT) as client:
        with pytest.raises(Unavailable, match="TimeoutError"):
            await client.get(f"http://127.0.0.1:{port}/x")
