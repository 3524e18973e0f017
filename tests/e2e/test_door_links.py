"""A link to an object on files: served by an agent's door, ended when revoked, served elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio

from tests.e2e.deployment import API_KEY, Backing, deployed
from tests.e2e.operator import Operator, Refused
from tests.e2e.sources import MIB, Source, image, serving
from tests.e2e.test_tutorial import Terminal
from tests.servers.ports import free_ports

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180), pytest.mark.slow]
HOSTS = ("h1", "h2")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def doors(
    tmp_path_factory: pytest.TempPathFactory, backing: Backing
) -> AsyncIterator[Operator]:
    """Two hosts with a door each, in front of directory store ``s1``."""
    folder = tmp_path_factory.mktemp("doors")
    async with deployed(folder, backing) as deployment, Operator.of(deployment) as operator:
        await operator.places()
        await operator.directory_store()
        for host, port in zip(HOSTS, free_ports(len(HOSTS)), strict=True):
            listen = f"127.0.0.1:{port}"
            await operator.host(
                host, f"pool-{host}", door_listen=listen, door_url=f"http://{listen}"
            )
        yield operator


async def stored(operator: Operator, template_id: str, size: int, seed: int) -> bytes:
    """The content of a template that is Ready."""
    async with serving(Source(image(size, seed))) as source:
        await operator.register(source.url, id=template_id, checksum=source.sha256)
        template = await operator.settle(f"templates/{template_id}")
    assert template["ready"], template["error"]
    return source.content


def terminal(operator: Operator) -> Terminal:
    deployment = operator.deployment
    facts = {"PATH": "/usr/bin:/bin", "STOWAGE_URL": deployment.url, "STOWAGE_API_KEY": API_KEY}
    return Terminal(facts, deployment.folder)


async def test_a_link_is_made_and_downloaded_by_one_command(doors: Operator) -> None:
    content = await stored(doors, "d1", 24 * MIB, 61)
    file = doors.deployment.folder / "downloaded.raw"
    ended = await terminal(doors).stowage(f"template link d1 --download {file}")
    assert ended.code == 0, ended.err
    assert "is complete: 24.0 MiB, sha256-tree-4m:" in ended.out
    assert file.read_bytes() == content


async def test_a_link_revoked_while_it_is_read_ends(doors: Operator) -> None:
    content = await stored(doors, "d2", 96 * MIB, 62)
    link = await doors.call("POST", "templates/d2/links", {"seconds": 600})
    url = (await doors.call("GET", f"links/{link['id']}"))["url"]
    async with aiohttp.ClientSession(read_bufsize=1 << 16) as anybody:
        reading = asyncio.create_task(read_slowly(anybody, url))
        await asyncio.sleep(0)
        revoked = await terminal(doors).stowage(f"link revoke {link['id']}")
        assert revoked.code == 0, revoked.err
        async with asyncio.timeout(40):
            assert await reading < len(content)
        async with anybody.get(url) as answer:
            assert answer.status in {403, 410}
    with pytest.raises(Refused) as refused:
        await doors.call("GET", f"links/{link['id']}")
    assert refused.value.status == 410


async def read_slowly(anybody: aiohttp.ClientSession, url: str) -> int:
    """Bytes that came until the connection was broken off, or the end."""
    came = 0
    async with anybody.get(url) as answer:
        assert answer.status == 200
        try:
            async for chunk in answer.content.iter_chunked(1 << 16):
                came += len(chunk)
                await asyncio.sleep(0.05)
        except aiohttp.ClientError:
            return came
    return came


async def test_a_link_of_a_killed_agent_is_made_again_at_another(doors: Operator) -> None:
    content = await stored(doors, "d3", 8 * MIB, 63)
    link = await doors.call("POST", "templates/d3/links", {"seconds": 600})
    first = (await doors.call("GET", f"links/{link['id']}"))["url"]
    await doors.deployment.kill("agent:h1")  # doorkeepers are taken in the order of their ids
    async with asyncio.timeout(60):
        while True:
            url = (await doors.call("GET", f"links/{link['id']}"))["url"]
            if urlsplit(url).port != urlsplit(first).port:
                break
            await asyncio.sleep(0.5)
    async with aiohttp.ClientSession() as anybody, anybody.get(url) as answer:
        assert await answer.read() == content
