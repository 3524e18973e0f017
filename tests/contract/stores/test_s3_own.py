"""What only S3 has: parts, open uploads, presigned methods, and ways to be set up wrongly."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import botocore.auth
import pytest
from pydantic import SecretStr
from stowage_contracts.errors import Conflict, GrantRefused, Unavailable
from stowage_contracts.plugins.image_store_driver import ReadAsk, RevokeAsk, WriteAsk
from stowage_contracts.testing.grant_client import HttpClient
from stowage_contracts.testing.store_hand import SECONDS, WRITER, Hand, bytes_of
from stowage_stores.s3 import S3Driver

from tests.contract.stores.s3_store import s3_driver
from tests.servers.ports import free_ports
from tests.servers.s3 import S3Server

PART = 8 << 20


@asynccontextmanager
async def opened(server: S3Server, bucket: str, **other: Any) -> AsyncIterator[Hand]:
    driver = s3_driver(server, bucket, **other)
    try:
        yield Hand(driver, HttpClient())
    finally:
        await driver.aclose()


@pytest.fixture
async def hand(s3_server: S3Server, s3_bucket: str) -> AsyncIterator[Hand]:
    async with opened(s3_server, s3_bucket, page=2) as hand:
        yield hand


async def remains(server: S3Server, bucket: str) -> tuple[int, int]:
    """Objects and open uploads in the whole bucket."""
    async with server.client() as s3:
        objects = await s3.list_objects_v2(Bucket=bucket)
        uploads = await s3.list_multipart_uploads(Bucket=bucket)
    return len(objects.get("Contents", [])), len(uploads.get("Uploads", []))


async def failed(server: S3Server, bucket: str, **other: Any) -> list[tuple[str, str]]:
    async with opened(server, bucket, **other) as hand:
        checks, _ = await hand.driver.probe()
        secret = other.get("secret_key", server.secret_key)
        assert str(secret) not in repr(checks)
    return [(check.name, check.code) for check in checks if not check.ok]


async def test_a_journal_longer_than_a_page_is_read_whole(hand: Hand) -> None:
    data = bytes_of(4 * PART + 1)
    grant = await hand.begin("big", len(data))
    assert [part.number for part in grant.parts] == [1, 2, 3, 4, 5]
    await hand.fill(grant, data)
    again = await hand.begin("big", len(data), session=grant.session)
    assert [part.size for part in again.done] == [PART] * 4 + [1]
    await hand.commit("big", grant, data)
    assert await hand.get("big") == data


async def test_a_missing_part_is_named_and_may_follow(hand: Hand) -> None:
    data = bytes_of(2 * PART + 5)
    grant = await hand.begin("gap", len(data))
    await hand.fill(grant, data, end=PART)
    await hand.fill(grant, data, start=2 * PART)
    with pytest.raises(Conflict, match="part 2"):
        await hand.commit("gap", grant, data)
    await hand.fill(grant, data, start=PART, end=2 * PART)
    await hand.commit("gap", grant, data)
    assert await hand.get("gap") == data


async def test_only_the_urls_asked_for_are_signed(hand: Hand) -> None:
    size = 100 * PART
    first = await hand.driver.grant(
        WriteAsk(key="k", writer=WRITER, size=size, seconds=SECONDS, first_part=99, part_count=50)
    )
    assert [part.number for part in first.parts] == [99, 100]
    assert all(part.url.get_secret_value() not in repr(first) for part in first.parts)


async def test_a_presigned_url_serves_one_method_and_one_object(hand: Hand) -> None:
    await hand.put("mine", b"mine")
    await hand.put("yours", b"yours", "hop-2.1")
    grant = await hand.driver.grant(ReadAsk(key="mine", seconds=SECONDS))
    assert grant.uri is not None
    url = grant.uri.get_secret_value()
    for method, other in (("PUT", url), ("DELETE", url), ("GET", url.replace("mine", "yours"))):
        at = urlsplit(other)
        connection = HTTPConnection(at.netloc, timeout=30)
        connection.request(method, f"{at.path}?{at.query}")
        assert connection.getresponse().status == 403
        connection.close()
    assert await hand.get("mine") == b"mine"


async def test_giving_up_leaves_no_open_upload(
    hand: Hand, s3_server: S3Server, s3_bucket: str
) -> None:
    data = bytes_of(PART + 1)
    grant = await hand.begin("given/up", len(data))
    await hand.fill(grant, data)
    assert await remains(s3_server, s3_bucket) == (0, 1)
    await hand.revoke("given/up", grant)
    assert await remains(s3_server, s3_bucket) == (0, 0)
    with pytest.raises(GrantRefused):
        await hand.begin("given/up", len(data), session=grant.session)


async def test_revoking_without_a_session_leaves_other_uploads_alone(
    hand: Hand, s3_server: S3Server, s3_bucket: str
) -> None:
    await hand.begin("k", 1)
    await hand.driver.revoke(RevokeAsk(key="k", writer="hop-9.1"))
    await hand.driver.delete("k")  # takes only uploads a day old along
    assert await remains(s3_server, s3_bucket) == (0, 1)


async def test_a_prefix_keeps_stores_of_one_bucket_apart(
    s3_server: S3Server, s3_bucket: str
) -> None:
    async with opened(s3_server, s3_bucket, prefix="a") as one:
        await one.put("k", b"one")
        async with opened(s3_server, s3_bucket, prefix="b") as two:
            assert await two.keys() == []
            await two.put("k", b"two")
        assert await one.get("k") == b"one"
        assert await one.keys() == ["k"]


async def test_a_good_store_passes_and_keeps_nothing_of_the_probe(
    s3_server: S3Server, s3_bucket: str
) -> None:
    assert await failed(s3_server, s3_bucket) == []
    assert await remains(s3_server, s3_bucket) == (0, 0)


async def test_each_wrong_setting_fails_with_its_own_code(
    s3_server: S3Server, s3_bucket: str
) -> None:
    (closed,) = free_ports(1)
    wrong: dict[str, dict[str, Any]] = {
        "endpoint": {"endpoint": f"http://127.0.0.1:{closed}", "timeout_seconds": 2},
        "tls": {"endpoint": s3_server.endpoint.replace("http:", "https:")},
        "access_key": {"access_key": "NOBODY"},
        "secret_key": {"secret_key": SecretStr("canary-wrong-secret")},
        "bucket": {"bucket": "no-such-bucket-here"},
    }
    for code, other in wrong.items():
        bucket = other.pop("bucket", s3_bucket)
        assert await failed(s3_server, bucket, **other) == [("list", code)]
    assert await remains(s3_server, s3_bucket) == (0, 0)


async def test_a_clock_that_is_off_is_told(
    s3_server: S3Server, s3_bucket: str, skewed_clock: None
) -> None:
    assert await failed(s3_server, s3_bucket) == [("list", "clock_skew")]


@pytest.fixture
def skewed_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore believes it is an hour earlier."""
    early = datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=1)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda **_: early)


async def test_a_read_only_bucket_is_read_and_its_probe_says_read_only(
    s3_server: S3Server, s3_bucket: str
) -> None:
    async with opened(s3_server, s3_bucket) as hand:
        await hand.put("kept", b"kept")
        async with read_only(s3_server, s3_bucket):
            checks, _ = await hand.driver.probe()
            assert [(c.name, c.code) for c in checks if not c.ok] == [("begin", "denied")]
            with pytest.raises(Unavailable) as caught:
                await hand.begin("new", 1, "hop-2.1")
            assert caught.value.code == "unavailable.denied"
            assert await hand.get("kept") == b"kept"


@asynccontextmanager
async def read_only(server: S3Server, bucket: str) -> AsyncIterator[None]:
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": ["s3:PutObject"],
                "Resource": f"arn:aws:s3:::{bucket}/*",
            }
        ],
    }
    async with server.client() as s3:
        await s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
        try:
            yield
        finally:
            await s3.delete_bucket_policy(Bucket=bucket)


async def test_a_closed_driver_opens_again(hand: Hand) -> None:
    await hand.put("k", b"k")
    driver = hand.driver
    assert isinstance(driver, S3Driver)
    for _ in range(2):
        await driver.aclose()
    assert await hand.get("k") == b"k"
