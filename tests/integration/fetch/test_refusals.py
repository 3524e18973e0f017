"""What may not be fetched is refused before a packet leaves."""

import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from stowage_contracts.errors import SourceRefused
from stowage_contracts.grants import FetchRules
from stowage_runtime.fetch import GuardedClient, addresses

from tests.integration.fetch.conftest import LOOPBACK, QUICK, Names, Site

PRIVATE = [
    "127.0.0.1",
    "127.8.8.8",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "0.0.0.0",
    "169.254.169.254",
    "198.18.0.1",
    "192.0.0.8",
    "224.0.0.1",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "fe80::1",
    "fc00::1",
    "fd12::1",
    "fec0::1",
    "ff02::1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "2002:7f00:1::",
    "2001::1",
    "2001:db8::1",
    "100::1",
    "3fff::1",
]
CLOSED = FetchRules()
PUBLIC = ["93.184.216.34", "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8"]


@dataclass
class Watch:
    """Addresses this process connected to, as the interpreter's audit events tell."""

    connects: list[str] = field(default_factory=list)

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "socket.connect":
            self.connects.append(str(args[1]))


WATCH = Watch()
sys.addaudithook(WATCH)


@pytest.fixture
def no_connection() -> Iterator[None]:
    """Fails the test when anything was connected to, even without an answer."""
    WATCH.connects.clear()
    yield
    assert WATCH.connects == []


def test_the_watch_sees_connections() -> None:
    WATCH.connects.clear()
    with socket.socket() as probe:
        probe.connect_ex(("127.0.0.1", 1))
    assert len(WATCH.connects) == 1


async def refused(url: str, rules: FetchRules = CLOSED, names: Names | None = None) -> str:
    """The code a fetch is refused with."""
    async with GuardedClient(rules, QUICK, names) as client:
        with pytest.raises(SourceRefused) as caught:
            await client.get(url)
    return caught.value.code


@pytest.mark.parametrize("address", PRIVATE)
@pytest.mark.usefixtures("no_connection")
async def test_a_literal_address_that_is_not_public_is_refused(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    assert await refused(f"http://{host}/x") == "source.address_refused"


@pytest.mark.parametrize("address", PRIVATE)
@pytest.mark.usefixtures("no_connection")
async def test_a_name_of_such_an_address_is_refused(address: str) -> None:
    names = Names({"images.example": [[address]]})
    assert await refused("http://images.example/x", names=names) == "source.address_refused"


@pytest.mark.parametrize("spelling", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0"])
@pytest.mark.usefixtures("no_connection")
async def test_odd_spellings_of_an_address_are_seen_through(spelling: str) -> None:
    code = await refused(f"http://{spelling}/x")
    assert code in {"source.address_refused", "source.url"}


@pytest.mark.parametrize(
    "answer",
    [
        ["8.8.8.8", "10.0.0.1"],
        ["10.0.0.1", "8.8.8.8"],
        ["8.8.8.8", "::1"],
        ["2606:4700:4700::1111", "::ffff:127.0.0.1"],
        ["8.8.8.8", "8.8.4.4", "169.254.169.254"],
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("no_connection")
async def test_a_name_with_one_private_address_is_refused_whole(answer: list[str]) -> None:
    names = Names({"images.example": [answer]})
    assert await refused("http://images.example/x", names=names) == "source.address_refused"


async def test_localhost_is_refused(site: Site) -> None:
    assert await refused(site.url("/x", "localhost")) == "source.address_refused"
    assert site.connections == 0


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_pass(address: str) -> None:
    addresses.check(address, FetchRules())


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3"])
def test_an_operator_may_open_a_private_network(address: str) -> None:
    addresses.check(address, FetchRules(allow=("10.1.0.0/16",)))
    with pytest.raises(SourceRefused):
        addresses.check(address, FetchRules(allow=("10.2.0.0/16", "fd00::/8")))


@pytest.mark.parametrize("address", ["169.254.169.254", "224.0.0.1", "0.0.0.0", "fe80::1"])
def test_some_addresses_cannot_be_opened(address: str) -> None:
    with pytest.raises(SourceRefused):
        addresses.check(address, FetchRules(allow=("0.0.0.0/0", "::/0")))


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://h/x", "gopher://h/x", "nfs://h/x", "//h/x", "h/x", "", "x"]
)
@pytest.mark.usefixtures("no_connection")
async def test_other_schemes_are_refused(url: str) -> None:
    assert await refused(url) == "source.scheme"


@pytest.mark.parametrize(
    "url",
    [
        "http://",
        "http:///x",
        "http://h:99999/x",
        "http://[::1/x",
        "http://[",
        "http://ex\\ample/",
        "http://a..b/",
        "http://.../",
        f"http://{'a' * 64}.b/",
    ],
)
@pytest.mark.usefixtures("no_connection")
async def test_what_is_no_url_is_refused(url: str) -> None:
    assert await refused(url) == "source.url"


@pytest.mark.usefixtures("no_connection")
async def test_an_operator_may_want_https_only() -> None:
    assert await refused("http://h/x", FetchRules(schemes=("https",))) == "source.scheme"


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://[::1]:1/",
        "//192.168.0.1/",
        "http://[::ffff:10.0.0.1]/",
    ],
)
async def test_a_redirect_to_a_private_address_is_refused(site: Site, target: str) -> None:
    site.answers["/x"] = lambda _: web.Response(status=302, headers={"Location": target})
    assert await refused(site.url("/x"), LOOPBACK) == "source.address_refused"
    assert site.connections == 1


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://h/x"])
async def test_a_redirect_to_another_scheme_is_refused(site: Site, target: str) -> None:
    site.answers["/x"] = lambda _: web.Response(status=302, headers={"Location": target})
    assert await refused(site.url("/x"), LOOPBACK) == "source.scheme"


async def test_redirects_are_counted(site: Site) -> None:
    site.answers["/x"] = lambda _: web.Response(status=302, headers={"Location": "/x"})
    rules = FetchRules(allow=LOOPBACK.allow, max_redirects=3)
    assert await refused(site.url("/x"), rules) == "source.redirects"
    assert len(site.requests) == 4


async def test_a_redirect_to_what_is_no_name_is_refused(site: Site) -> None:
    target = {"Location": "http://a..b/"}
    site.answers["/x"] = lambda _: web.Response(status=302, headers=target)
    assert await refused(site.url("/x"), LOOPBACK) == "source.url"


async def test_a_length_of_thousands_of_digits_is_refused(site: Site) -> None:
    told = {"Content-Range": f"bytes 0-0/{'9' * 5000}"}
    site.answers["/x"] = lambda _: web.Response(status=206, headers=told, body=b"x")
    assert await refused(site.url("/x"), LOOPBACK) == "source.too_large"


async def test_a_redirect_to_nowhere_is_refused(site: Site) -> None:
    site.answers["/x"] = lambda _: web.Response(status=302)
    assert await refused(site.url("/x"), LOOPBACK) == "source.redirects"


async def test_a_name_that_changes_its_address_is_refused_when_it_does(site: Site) -> None:
    names = Names({"images.example": [["127.0.0.1"], ["10.0.0.1"]]})
    site.answers["/x"] = lambda _: web.Response(headers={"Connection": "close"})
    async with GuardedClient(LOOPBACK, QUICK, names) as client:
        (await client.get(site.url("/x", "images.example"))).release()
        client.forget_names()
        with pytest.raises(SourceRefused, match="may not be reached"):
            await client.get(site.url("/x", "images.example"))
    assert site.connections == 1


async def test_the_address_that_was_checked_is_the_one_connected_to(site: Site) -> None:
    names = Names({"images.example": [["127.0.0.1"], ["10.0.0.1"]]})
    site.answers["/x"] = lambda _: web.Response()
    async with GuardedClient(LOOPBACK, QUICK, names) as client:
        (await client.get(site.url("/x", "images.example"))).release()
    assert names.asked == ["images.example"]


async def test_a_refusal_names_no_secret(site: Site) -> None:
    async with GuardedClient(FetchRules(), QUICK) as client:
        with pytest.raises(SourceRefused) as caught:
            await client.get("http://me:canary@10.0.0.1/x?X-Amz-Signature=canary#canary")
    assert "canary" not in str(caught.value.problem)
