"""Hops into and out of a real S3 store, the driver on one side and the agent on the other."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypervisor_agent.engine.hop import Hop
from hypervisor_agent.engine.progress import Meter
from pydantic import SecretStr
from stowage_contracts.errors import SourceChanged, SourceRefused, Unavailable
from stowage_contracts.grants import Grant, PartUrl
from stowage_contracts.messages.image_store import GrantRedeemed
from stowage_contracts.plugins.image_store_driver import CommitAsk, ReadAsk, WriteAsk
from stowage_contracts.plugins.transport import PartSource
from stowage_contracts.values import Receipt
from stowage_stores.s3 import S3Driver, S3Provider, S3Settings
from yarl import URL

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
from tests.servers.proxy import Proxy
from tests.servers.s3 import S3Server

PART = 8 * MIB
DATA = noise(5 * PART + 4321)
KEY = "templates/t1"


@dataclass
class S3Grants:
    """A URL into the bucket, as image-store would grant it."""

    driver: S3Driver
    url: str
    writer: str = "h1.1"
    session: str = ""
    size: int | None = None
    batches: list[tuple[int, int]] = field(default_factory=list)
    promised: list[int] = field(default_factory=list)
    growth: int = 0
    """Instead of the driver's, which begins far beyond what a test moves."""
    expire_first: bool = False
    """The first URLs are useless when they arrive."""

    async def source(self) -> GrantRedeemed:
        """The user's URL."""
        return GrantRedeemed(grant_id="g1", grant=url_grant(self.url), rules=LOOPBACK)

    async def destination(self, size: int | None) -> Grant:
        """The session of this writer, with its journal."""
        ask = WriteAsk(key=KEY, writer=self.writer, size=size, seconds=600, session=self.session)
        grant = await self.driver.grant(ask)
        self.session = grant.session
        self.size = size
        return grant.model_copy(update={"part_growth": self.growth or grant.part_growth})

    async def promise(self, size: int) -> None:
        """There is room."""
        self.promised.append(size)

    @property
    def parts(self) -> PartSource:
        """More URLs."""
        return self._more

    async def _more(self, first_part: int, count: int) -> tuple[PartUrl, ...]:
        self.batches.append((first_part, count))
        late = self.expire_first and len(self.batches) == 1
        ask = WriteAsk(
            key=KEY,
            writer=self.writer,
            size=self.size,
            seconds=1 if late else 600,
            session=self.session,
            first_part=first_part,
            part_count=count,
        )
        parts = (await self.driver.grant(ask)).parts
        if late:
            await asyncio.sleep(2.1)  # it is the server's clock that must pass
        return parts


def driver_of(server: S3Server, bucket: str, **changes: object) -> S3Driver:
    """The driver image-store would have of a bucket."""
    facts: dict[str, object] = {
        "endpoint": server.endpoint,
        "bucket": bucket,
        "region": server.region,
        "access_key": SecretStr(server.access_key),
        "secret_key": SecretStr(server.secret_key),
        "part_bytes": PART,
    }
    return S3Provider().open(S3Settings.model_validate({**facts, **changes}))


@pytest.fixture
async def driver(s3_server: S3Server, s3_bucket: str) -> AsyncIterator[S3Driver]:
    driver = driver_of(s3_server, s3_bucket)
    yield driver
    await driver.aclose()


async def committed(driver: S3Driver, grants: S3Grants, receipt: Receipt) -> None:
    """What image-store does on CommitHop."""
    ask = CommitAsk(key=KEY, writer=grants.writer, session=grants.session, size=receipt.size)
    assert (await driver.commit(ask)).size == receipt.size


async def stored(driver: S3Driver, root: Path) -> bytes:
    """The object's bytes, fetched by a hop of their own."""
    asked = order(hop_id="fetch")
    part = part_of(root, asked)
    grant = await driver.grant(ReadAsk(key=KEY, seconds=600))
    grants = GivenGrants(lambda: grant, lambda _: file_grant(part, writes=True))
    receipt = await hop(asked, grants, make_tools(root)).run()
    assert receipt.digest == tree_digest(part.read_bytes())
    return part.read_bytes()


def uploading(root: Path, grants: S3Grants) -> Hop:
    """A hop into the bucket."""
    return Hop(order(), grants, make_tools(root), Meter())


@pytest.mark.parametrize("ranged", [True, False])
async def test_a_url_becomes_an_object_and_comes_back(
    driver: S3Driver, tmp_path: Path, ranged: bool
) -> None:
    async with serving(Source(DATA, ranged=ranged)) as source:
        grants = S3Grants(driver, source.url)
        receipt = await uploading(tmp_path, grants).run()
    assert receipt.verdict is None
    assert receipt.digest == tree_digest(DATA)
    assert receipt.part == grants.session
    await committed(driver, grants, receipt)
    assert await stored(driver, tmp_path) == DATA


async def test_zeros_are_stored_as_zeros(driver: S3Driver, tmp_path: Path) -> None:
    data = bytes(2 * PART) + noise(PART) + bytes(PART + 5)
    async with serving(Source(data)) as source:
        grants = S3Grants(driver, source.url)
        receipt = await uploading(tmp_path, grants).run()
    await committed(driver, grants, receipt)
    assert await stored(driver, tmp_path) == data


async def test_a_second_attempt_sends_only_what_is_missing(
    driver: S3Driver, tmp_path: Path
) -> None:
    source = Source(DATA, always_drops=4 * PART + 5)
    async with serving(source):
        grants = S3Grants(driver, source.url)
        with pytest.raises(Unavailable):
            await uploading(tmp_path, grants).run()
        source.always_drops = None
        receipt = await uploading(tmp_path, grants).run()
    assert receipt.bytes_sent <= len(DATA) - 3 * PART
    assert receipt.digest == tree_digest(DATA)
    await committed(driver, grants, receipt)
    assert await stored(driver, tmp_path) == DATA


async def test_parts_of_another_source_are_sent_again(driver: S3Driver, tmp_path: Path) -> None:
    source = Source(noise(len(DATA), seed=2), always_drops=4 * PART + 5)
    async with serving(source):
        grants = S3Grants(driver, source.url)
        with pytest.raises(Unavailable):
            await uploading(tmp_path, grants).run()
        source.data, source.always_drops = DATA, None
        receipt = await uploading(tmp_path, grants).run()
    assert receipt.bytes_sent == len(DATA)
    await committed(driver, grants, receipt)
    assert await stored(driver, tmp_path) == DATA


async def test_expired_part_urls_are_asked_for_again(driver: S3Driver, tmp_path: Path) -> None:
    async with serving(Source(DATA)) as source:
        grants = S3Grants(driver, source.url, expire_first=True)
        receipt = await uploading(tmp_path, grants).run()
    assert len(grants.batches) >= 2
    await committed(driver, grants, receipt)


LONG = 24 * MIB


async def test_long_parts_survive_a_cut_and_a_second_attempt(
    s3_server: S3Server, s3_bucket: str, tmp_path: Path
) -> None:
    data = noise(2 * LONG + 5 * MIB + 3)
    at = URL(s3_server.endpoint)
    assert at.host
    assert at.port
    source = Source(data, always_drops=2 * LONG + MIB)
    async with serving(source), Proxy(at.host, at.port) as proxy:
        endpoint = str(at.with_port(proxy.port))
        driver = driver_of(s3_server, s3_bucket, endpoint=endpoint, part_bytes=LONG)
        grants = S3Grants(driver, source.url)
        running = uploading(tmp_path, grants)
        copying = asyncio.create_task(running.run())
        while not copying.done() and running.meter.transfer().bytes_done < LONG // 2:
            await asyncio.sleep(0.001)
        await proxy.cut()
        await proxy.restore()
        with pytest.raises(Unavailable):
            await copying
        source.always_drops = None
        receipt = await uploading(tmp_path, grants).run()
        assert receipt.bytes_sent <= len(data) - LONG
        assert receipt.digest == tree_digest(data)
        await committed(driver, grants, receipt)
        assert await stored(driver, tmp_path) == data
        await driver.aclose()


async def test_a_replaced_object_is_noticed(driver: S3Driver, tmp_path: Path) -> None:
    async with serving(Source(DATA)) as source:
        grants = S3Grants(driver, source.url)
        await committed(driver, grants, await uploading(tmp_path, grants).run())
    grant = await driver.grant(ReadAsk(key=KEY, seconds=600))
    old = grant.model_copy(update={"validator": '"another"'})
    asked = order()
    part = part_of(tmp_path, asked)
    grants_of_file = GivenGrants(lambda: old, lambda _: file_grant(part, writes=True))
    with pytest.raises(SourceChanged):
        await hop(asked, grants_of_file, make_tools(tmp_path)).run()


@pytest.mark.parametrize("size", [PART - 1, 3 * PART, len(DATA)])
async def test_a_source_of_unknown_length_becomes_an_object(
    driver: S3Driver, tmp_path: Path, size: int
) -> None:
    data = bytes(PART) + DATA[: size - PART] if size > PART else DATA[:size]
    async with serving(Source(data, ranged=False, chunked=True)) as source:
        grants = S3Grants(driver, source.url)
        receipt = await uploading(tmp_path, grants).run()
    assert (receipt.size, receipt.digest) == (size, tree_digest(data))
    assert grants.size is None
    assert grants.promised[-1] >= size
    await committed(driver, grants, receipt)
    assert await stored(driver, tmp_path) == data


async def test_parts_grow_with_a_source_of_unknown_length(driver: S3Driver, tmp_path: Path) -> None:
    async with serving(Source(DATA, ranged=False, chunked=True)) as source:
        grants = S3Grants(driver, source.url, growth=2)
        receipt = await uploading(tmp_path, grants).run()
    found = await driver.grant(
        WriteAsk(key=KEY, writer=grants.writer, session=grants.session, seconds=60)
    )
    assert [part.size for part in found.done] == [PART, PART, 2 * PART, PART + 4321]
    await committed(driver, grants, receipt)
    assert await stored(driver, tmp_path) == DATA


@pytest.mark.parametrize("size", [2 * PART, 6 * PART, 6 * PART + 4321, 14 * PART, 15 * PART + 7])
async def test_parts_longer_than_a_buffer_go_by_way_of_the_disk(
    driver: S3Driver, tmp_path: Path, size: int
) -> None:
    data = noise(size)
    checksum = f"md5:{hashlib.md5(data).hexdigest()}"
    source = Source(data, ranged=False, chunked=True)
    async with serving(source):
        grants = S3Grants(driver, source.url, growth=1)
        asked = order(checksum=checksum)
        receipt = await Hop(asked, grants, make_tools(tmp_path), Meter()).run()
        again = await Hop(asked, grants, make_tools(tmp_path), Meter()).run()
    assert (receipt.size, receipt.digest, receipt.linear) == (size, tree_digest(data), checksum)
    assert again.bytes_sent < size
    await committed(driver, grants, again)
    assert await stored(driver, tmp_path) == data


async def test_a_second_stream_sends_only_other_parts(driver: S3Driver, tmp_path: Path) -> None:
    source = Source(DATA, ranged=False, chunked=True, always_drops=4 * PART + 5)
    async with serving(source):
        grants = S3Grants(driver, source.url)
        with pytest.raises(SourceRefused):
            await uploading(tmp_path, grants).run()
        source.always_drops = None
        receipt = await uploading(tmp_path, grants).run()
    assert receipt.bytes_sent <= len(DATA) - 2 * PART
    await committed(driver, grants, receipt)
    assert await stored(driver, tmp_path) == DATA


async def test_a_shorter_stream_into_a_longer_ones_parts_wants_another_writer(
    driver: S3Driver, tmp_path: Path
) -> None:
    source = Source(DATA, ranged=False, chunked=True)
    async with serving(source):
        grants = S3Grants(driver, source.url)
        await uploading(tmp_path, grants).run()
        source.data = DATA[: 2 * PART]
        with pytest.raises(SourceChanged):
            await uploading(tmp_path, grants).run()
