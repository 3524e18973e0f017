"""Hops into and out of a real Swift store, the driver on one side and the agent on the other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypervisor_agent.engine.hop import Hop
from hypervisor_agent.engine.progress import Meter
from pydantic import SecretStr
from stowage_contracts.errors import StowageError, Unavailable
from stowage_contracts.grants import Grant, PartUrl
from stowage_contracts.messages.image_store import GrantRedeemed
from stowage_contracts.plugins.image_store_driver import CommitAsk, ReadAsk, RevokeAsk, WriteAsk
from stowage_contracts.plugins.transport import PartSource
from stowage_contracts.values import Receipt
from stowage_stores.swift import SwiftDriver, SwiftProvider, SwiftSettings

from tests.integration.hypervisor_agent.kit import (
    LOOPBACK,
    MIB,
    GivenGrants,
    file_grant,
    hop,
    make_tools,
    noise,
    order,
    part_of,
    tree_digest,
    url_grant,
)
from tests.integration.hypervisor_agent.source_server import Source, serving
from tests.servers.swift_server import SwiftServer, fresh_container

PART = 8 * MIB
DATA = noise(3 * PART + 4321)
KEY = "templates/t 1"


@dataclass
class SwiftGrants:
    """A URL into the container, as image-store would grant it."""

    driver: SwiftDriver
    url: str
    session: str = ""
    size: int | None = None
    writer: str = "h1.1"

    async def source(self) -> GrantRedeemed:
        """The user's URL."""
        return GrantRedeemed(grant_id="g1", grant=url_grant(self.url), rules=LOOPBACK)

    async def destination(self, size: int | None) -> Grant:
        """The session of this writer, with its journal."""
        self.size = size
        grant = await self._granted(1, 0)
        self.session = grant.session
        return grant

    async def promise(self, size: int) -> None:
        """There is room."""

    @property
    def parts(self) -> PartSource:
        """More URLs."""
        return self._more

    async def _more(self, first_part: int, count: int) -> tuple[PartUrl, ...]:
        return (await self._granted(first_part, count)).parts

    async def _granted(self, first_part: int, count: int) -> Grant:
        ask = WriteAsk(
            key=KEY,
            writer=self.writer,
            size=self.size,
            seconds=600,
            session=self.session,
            first_part=first_part,
            part_count=count,
        )
        return await self.driver.grant(ask)


@pytest.fixture(params=["swift_server", "rgw_server"])
async def driver(request: pytest.FixtureRequest) -> AsyncIterator[SwiftDriver]:
    server: SwiftServer = request.getfixturevalue(request.param)
    async with fresh_container(server) as container, opened(server, container) as driver:
        yield driver


@asynccontextmanager
async def opened(server: SwiftServer, container: str) -> AsyncIterator[SwiftDriver]:
    """A driver with small segments."""
    settings = SwiftSettings(
        auth_url=server.auth_url,
        user=server.user,
        key=SecretStr(server.key),
        container=container,
        temp_url_key=SecretStr("link-key-of-the-tests"),
        segment_bytes=PART,
    )
    driver = SwiftProvider().open(settings)
    yield driver
    await driver.aclose()


async def committed(driver: SwiftDriver, grants: SwiftGrants, receipt: Receipt) -> None:
    """What image-store does on CommitHop."""
    ask = CommitAsk(key=KEY, writer=grants.writer, session=grants.session, size=receipt.size)
    assert (await driver.commit(ask)).size == receipt.size


async def stored(driver: SwiftDriver, root: Path) -> bytes:
    """The object's bytes, fetched by a hop of their own."""
    asked = order(hop_id="fetch")
    part = part_of(root, asked)
    grant = await driver.grant(ReadAsk(key=KEY, seconds=600))
    grants = GivenGrants(lambda: grant, lambda _: file_grant(part, writes=True))
    receipt = await hop(asked, grants, make_tools(root)).run()
    assert receipt.digest == tree_digest(part.read_bytes())
    return part.read_bytes()


def uploading(root: Path, grants: SwiftGrants) -> Hop:
    """A hop into the container."""
    return Hop(order(), grants, make_tools(root), Meter())


@pytest.mark.parametrize("ranged", [True, False])
async def test_a_url_becomes_an_object_and_comes_back(
    driver: SwiftDriver, tmp_path: Path, ranged: bool
) -> None:
    async with serving(Source(DATA, ranged=ranged)) as source:
        grants = SwiftGrants(driver, source.url)
        receipt = await uploading(tmp_path, grants).run()
    assert receipt.digest == tree_digest(DATA)
    assert receipt.part == grants.session
    await committed(driver, grants, receipt)
    assert await stored(driver, tmp_path) == DATA


async def test_zeros_are_stored_as_zeros(driver: SwiftDriver, tmp_path: Path) -> None:
    data = bytes(PART) + noise(PART) + bytes(PART + 5)
    async with serving(Source(data)) as source:
        grants = SwiftGrants(driver, source.url)
        receipt = await uploading(tmp_path, grants).run()
    await committed(driver, grants, receipt)
    assert await stored(driver, tmp_path) == data


async def test_a_source_of_unknown_length_is_stored(driver: SwiftDriver, tmp_path: Path) -> None:
    source = Source(DATA, ranged=False, chunked=True)
    async with serving(source):
        grants = SwiftGrants(driver, source.url)
        receipt = await uploading(tmp_path, grants).run()
    assert (receipt.size, receipt.digest) == (len(DATA), tree_digest(DATA))
    await committed(driver, grants, receipt)
    assert await stored(driver, tmp_path) == DATA


async def test_a_second_attempt_sends_only_what_is_missing(
    driver: SwiftDriver, tmp_path: Path
) -> None:
    source = Source(DATA, always_drops=2 * PART + 5)
    async with serving(source):
        grants = SwiftGrants(driver, source.url)
        with pytest.raises(Unavailable):
            await uploading(tmp_path, grants).run()
        source.always_drops = None
        receipt = await uploading(tmp_path, grants).run()
    assert receipt.bytes_sent <= len(DATA) - PART
    await committed(driver, grants, receipt)
    assert await stored(driver, tmp_path) == DATA


async def test_an_agent_whose_write_was_revoked_stops(driver: SwiftDriver, tmp_path: Path) -> None:
    source = Source(DATA, always_drops=2 * PART + 5)
    async with serving(source):
        grants = SwiftGrants(driver, source.url)
        with pytest.raises(Unavailable):
            await uploading(tmp_path, grants).run()
        await driver.revoke(RevokeAsk(key=KEY, writer=grants.writer, session=grants.session))
        source.always_drops = None
        with pytest.raises(StowageError) as caught:
            await uploading(tmp_path, grants).run()
    assert caught.value.code.startswith("grant")
    assert [found async for found in driver.writes()] == []
