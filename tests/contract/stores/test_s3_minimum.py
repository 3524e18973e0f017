"""The least an S3 server must offer, call by call: Stowage's use of each, really done."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import aiohttp
import pytest
from stowage_contracts.errors import NotFound
from stowage_contracts.plugins.image_store_driver import ReadAsk
from stowage_contracts.testing.grant_client import HttpClient
from stowage_contracts.testing.store_hand import SECONDS, Hand, bytes_of
from stowage_stores.s3.lifecycle import S3Lifecycle

from tests.contract.stores.s3_store import s3_driver
from tests.servers.s3 import S3Server


async def buckets(server: S3Server) -> list[str]:
    async with server.client() as s3:
        return [bucket["Name"] for bucket in (await s3.list_buckets())["Buckets"]]


@pytest.fixture
async def hand(s3_server: S3Server, s3_bucket: str) -> AsyncIterator[Hand]:
    driver = s3_driver(s3_server, s3_bucket)
    yield Hand(driver, HttpClient())
    await driver.aclose()


async def test_create_bucket_and_delete_bucket(s3_server: S3Server, s3_bucket: str) -> None:
    name = f"{s3_bucket}-made"
    driver = s3_driver(s3_server, name, create=True)
    life = S3Lifecycle(driver.bucket)
    await life.initialize()
    assert name in await buckets(s3_server)
    checks, _ = await driver.probe()
    assert all(check.ok for check in checks)
    await life.delete()
    assert name not in await buckets(s3_server)
    await driver.aclose()


async def test_list_buckets(s3_server: S3Server, s3_bucket: str) -> None:
    driver = s3_driver(s3_server, "not-there")
    checks, _ = await driver.probe()
    assert [(check.name, check.code) for check in checks] == [("list", "bucket")]
    assert "buckets: test-" in checks[0].cause
    await driver.aclose()


async def test_put_object_and_get_object(hand: Hand) -> None:
    await hand.put("object", b"data")
    assert await hand.get("object") == b"data"


async def test_list_objects(hand: Hand) -> None:
    await hand.put("a/object", b"data")
    await hand.put("b/object", b"data", "hop-2.1")
    assert await hand.keys("a/") == ["a/object"]


async def test_delete_object(hand: Hand) -> None:
    await hand.put("object", b"data")
    await hand.driver.delete("object")
    with pytest.raises(NotFound):
        await hand.driver.stat("object")


async def test_generate_presigned_url(hand: Hand) -> None:
    await hand.put("object", b"data")
    grant = await hand.driver.grant(ReadAsk(key="object", seconds=SECONDS))
    assert grant.uri is not None
    async with aiohttp.request("GET", grant.uri.get_secret_value()) as answer:
        assert await answer.read() == b"data"


async def test_set_object_acl(s3_server: S3Server, s3_bucket: str) -> None:
    for acl, status in (("public-read", 200), ("private", 403), ("", 403)):
        driver = s3_driver(s3_server, s3_bucket, acl=acl)
        hand = Hand(driver, HttpClient())
        assert all(check.ok for check in (await driver.probe())[0])
        await hand.put("object", b"data")
        async with aiohttp.request("GET", f"{s3_server.endpoint}/{s3_bucket}/object") as answer:
            assert answer.status == status
        await driver.delete("object")
        await driver.aclose()


async def test_multipart_upload(hand: Hand) -> None:
    data = bytes_of((8 << 20) + 1)
    grant = await hand.begin("object", len(data))
    assert len(grant.parts) == 2
    await hand.fill(grant, data)
    await hand.commit("object", grant, data)
    assert await hand.get("object") == data


async def test_set_endpoint(hand: Hand, s3_server: S3Server) -> None:
    await hand.put("object", b"data")
    grant = await hand.driver.grant(ReadAsk(key="object", seconds=SECONDS))
    assert grant.uri is not None
    asked, given = urlsplit(s3_server.endpoint), urlsplit(grant.uri.get_secret_value())
    assert (given.scheme, given.netloc) == (asked.scheme, asked.netloc)
