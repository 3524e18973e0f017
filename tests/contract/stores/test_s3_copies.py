"""Copies on one S3 server: between buckets, in parts, and of sources that can't be had."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from stowage_contracts.errors import Conflict, NotFound, SourceChanged, Unavailable
from stowage_contracts.plugins.image_store_driver import CopyAsk, ReadAsk
from stowage_contracts.testing.grant_client import HttpClient
from stowage_contracts.testing.store_hand import SECONDS, Hand, bytes_of
from stowage_stores.s3 import S3Driver
from stowage_stores.s3.copies import Copies, Source

from tests.contract.stores.s3_relay import Answer, relay
from tests.contract.stores.s3_store import s3_driver
from tests.servers.s3 import S3Server, fresh_bucket

STEP = 8 << 20


@pytest.fixture
async def driver(s3_server: S3Server, s3_bucket: str) -> AsyncIterator[S3Driver]:
    driver = s3_driver(s3_server, s3_bucket, prefix="cloud")
    yield driver
    await driver.aclose()


@pytest.fixture
def hand(driver: S3Driver) -> Hand:
    return Hand(driver, HttpClient())


def ask(source: str, key: str = "copy", writer: str = "copy-1.1") -> CopyAsk:
    return CopyAsk(source=source, key=key, writer=writer)


async def test_an_object_of_another_bucket_is_copied_with_its_writer(
    s3_server: S3Server, hand: Hand, driver: S3Driver
) -> None:
    async with fresh_bucket(s3_server) as other:
        async with s3_server.client() as s3:
            await s3.put_object(Bucket=other, Key="odd name/käse+1", Body=b"theirs")
        said = await driver.copy(ask(f"s3://{other}/odd name/käse+1"))
        assert await driver.copy(ask(f"s3://{other}/odd name/käse+1")) == said
        with pytest.raises(Conflict):
            await driver.copy(ask(f"s3://{other}/odd name/käse+1", writer="copy-2.1"))
    assert await hand.get("copy") == b"theirs"


async def test_only_uris_below_our_prefix_name_our_keys(driver: S3Driver, s3_bucket: str) -> None:
    assert driver.key_of(f"s3://{s3_bucket}/cloud/a/b") == "a/b"
    for elsewhere in (
        f"s3://{s3_bucket}/cloud/",
        f"s3://{s3_bucket}/clouds/a",
        f"s3://{s3_bucket}/a",
        f"s3://{s3_bucket}-x/cloud/a",
        f"s3://{s3_bucket}/cloud/.stowage/notes/a",
        f"s3://{s3_bucket}/cloud/../a",
    ):
        assert driver.key_of(elsewhere) is None


async def test_a_bucket_that_is_not_there_is_not_found(driver: S3Driver) -> None:
    with pytest.raises(NotFound):
        await driver.copy(ask("s3://no-such-bucket-here/key"))


async def test_beyond_one_call_an_object_is_copied_in_parts(hand: Hand, driver: S3Driver) -> None:
    data = bytes_of(2 * STEP + 5)
    await hand.put("big", data)
    copies = Copies(driver.bucket, one_call=STEP, step=STEP)
    await copies.copy(ask("big"))
    assert await hand.get("copy") == data
    assert (await driver.bucket.head("copy")).writer == "copy-1.1"
    with pytest.raises(Conflict):
        await driver.copy(ask("big", writer="copy-2.1"))


async def test_a_copy_in_parts_that_fails_leaves_no_upload(hand: Hand, driver: S3Driver) -> None:
    await hand.put("big", bytes_of(2 * STEP))
    copies = Copies(driver.bucket, one_call=STEP, step=STEP)
    stale = Source(driver.bucket.at("big"), 2 * STEP, '"another"')
    with pytest.raises(SourceChanged):
        await copies._in_parts(ask("big"), stale)
    assert [write async for write in driver.writes()] == []
    assert await hand.keys() == ["big"]


async def test_an_archived_object_is_listed_but_neither_read_nor_copied(
    s3_server: S3Server, s3_bucket: str
) -> None:
    def archived(request: web.Request, answer: Answer) -> Answer:
        told = {"x-amz-storage-class": "GLACIER"} if request.method == "HEAD" else {}
        return Answer(answer.status, answer.headers | told, answer.body)

    await Hand(whole := s3_driver(s3_server, s3_bucket), HttpClient()).put("cold", b"data")
    await whole.aclose()
    async with relay(s3_server, archived) as endpoint:
        driver = s3_driver(s3_server, s3_bucket, endpoint=endpoint)
        assert (await driver.stat("cold")).size == 4
        for call in (driver.grant(ReadAsk(key="cold", seconds=SECONDS)), driver.copy(ask("cold"))):
            with pytest.raises(Unavailable) as caught:
                await call
            assert caught.value.code == "unavailable.archived"
        await driver.aclose()


async def test_a_copy_whose_reply_is_lost_on_the_wire_is_one_copy(
    s3_server: S3Server, s3_bucket: str
) -> None:
    lost: list[str] = []

    def lose_first(request: web.Request, answer: Answer) -> Answer | None:
        if "x-amz-copy-source" not in request.headers or lost:
            return answer
        lost.append(request.path)
        return None

    async with relay(s3_server, lose_first) as endpoint:
        driver = s3_driver(s3_server, s3_bucket, endpoint=endpoint)
        hand = Hand(driver, HttpClient())
        await hand.put("k", b"data")
        assert (await driver.copy(ask("k"))).size == 4
        assert lost
        assert await hand.get("copy") == b"data"
        await driver.aclose()


async def test_a_commit_whose_reply_is_lost_on_the_wire_is_one_commit(
    s3_server: S3Server, s3_bucket: str
) -> None:
    lost: list[str] = []

    def lose_completions(request: web.Request, answer: Answer) -> Answer | None:
        if request.method == "POST" and "uploadId" in request.query and len(lost) < 2:
            lost.append(request.path)
            return None
        return answer

    async with relay(s3_server, lose_completions) as endpoint:
        driver = s3_driver(s3_server, s3_bucket, endpoint=endpoint)
        hand = Hand(driver, HttpClient())
        assert (await hand.put("k", b"data")).size == 4
        assert len(lost) == 2
        assert await hand.keys() == ["k"]
        assert [write async for write in driver.writes()] == []
        await driver.aclose()
