"""However a private address is written, nothing reaches what listens there."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from aiohttp import web
from stowage_contracts.errors import StowageError
from stowage_contracts.grants import FetchRules
from stowage_runtime.fetch import GuardedClient

from tests.integration.fetch.conftest import QUICK, Site

NOT_REACHED = {"source.address_refused", "source.url", "unavailable.source"}
"""The last of a name that no name server knows."""


@dataclass
class Trap:
    """Listens on every loopback address of both kinds, and never answers."""

    sockets: list[socket.socket]
    port: int

    def untouched(self) -> bool:
        """Whether nothing ever came, not even a bare connection."""
        return not any(self._came(each) for each in self.sockets)

    def _came(self, listening: socket.socket) -> bool:
        try:
            listening.accept()[0].close()
        except BlockingIOError:
            return False
        return True


@pytest.fixture
def trap() -> Iterator[Trap]:
    first = socket.create_server(("0.0.0.0", 0))
    port = first.getsockname()[1]
    second = socket.create_server(("::1", port), family=socket.AF_INET6)
    found = Trap([first, second], port)
    for each in found.sockets:
        each.setblocking(False)
    yield found
    for each in found.sockets:
        each.close()


def test_the_trap_sees_a_connection(trap: Trap) -> None:
    for family, host in ((socket.AF_INET, "127.9.9.9"), (socket.AF_INET6, "::1")):
        with socket.socket(family) as probe:
            probe.connect((host, trap.port))
        assert not trap.untouched()


async def refused(url: str, rules: FetchRules) -> str:
    """The code a fetch fails with."""
    async with GuardedClient(rules, QUICK) as client:
        with pytest.raises(StowageError) as caught:
            await client.get(url)
    return caught.value.code


HOSTS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7F.0x0.0x0.0x1",
    "0x7f.1",
    "017700000001",
    "0177.0.0.1",
    "0177.0.0.01",
    "00000177.1",
    "127.0.0.1.",
    "0",
    "0.0.0.0",
    "0x0",
    "１２７.０.０.１",  # noqa: RUF001 - the point of it
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "%31%32%37.0.0.1",
    "127.0.0.1%00.images.example",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::127.0.0.1]",
    "[::1%25lo]",
    "[::1%lo]",
    "[::ffff:127.0.0.1%25lo]",
    "[fe80::1%25lo]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::7f00:1]",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "user@127.0.0.1",
    "images.example@127.0.0.1",
    "images.example:80@127.0.0.1",
    "images.example%40@127.0.0.1",
    "images.example\\@127.0.0.1",
    "127.0.0.1\\@images.example",
]


@pytest.mark.parametrize("host", HOSTS)
async def test_no_spelling_of_this_host_is_reached(trap: Trap, host: str) -> None:
    assert await refused(f"http://{host}:{trap.port}/x", FetchRules()) in NOT_REACHED
    assert trap.untouched()


@pytest.mark.parametrize("host", HOSTS)
async def test_no_spelling_of_this_host_is_reached_by_redirect(
    other_site: Site, trap: Trap, host: str
) -> None:
    target = f"http://{host}:{trap.port}/x"
    other_site.answers["/x"] = lambda _: web.Response(status=307, headers={"Location": target})
    rules = FetchRules(allow=("127.0.0.2/32",))
    assert await refused(other_site.url("/x"), rules) in NOT_REACHED | {"source.redirects"}
    assert other_site.connections == 1
    assert trap.untouched()


@pytest.mark.parametrize("scheme", ["file", "nfs", "ftp", "gopher", "dict", "unix", "ws", "data"])
async def test_no_other_scheme_reaches_this_host(other_site: Site, trap: Trap, scheme: str) -> None:
    target = f"{scheme}://127.0.0.1:{trap.port}/etc/passwd"
    other_site.answers["/x"] = lambda _: web.Response(status=302, headers={"Location": target})
    rules = FetchRules(allow=("127.0.0.0/8",))
    assert await refused(target, rules) == "source.scheme"
    assert await refused(other_site.url("/x"), rules) == "source.scheme"
    assert trap.untouched()
