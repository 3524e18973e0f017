"""Keys: rotated without a restart, never mixed up, and read-only ones told as such."""

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from stowage_contracts.errors import Unavailable
from stowage_contracts.testing.grant_client import HttpClient
from stowage_contracts.testing.store_hand import Hand
from stowage_stores.hosting import Hosted, StoreRow
from stowage_stores.s3 import S3Provider

from tests.contract.stores.s3_store import s3_driver
from tests.servers.s3 import S3Server
from tests.servers.s3_users import change_key, change_user, fresh_user


@asynccontextmanager
async def stores() -> AsyncIterator[Hosted]:
    hosted = Hosted({"S3": S3Provider()}, lambda row: row.sealed.encode())
    yield hosted
    await hosted.close()


def row(user: S3Server, bucket: str, name: str = "s1") -> StoreRow:
    settings = {"endpoint": user.endpoint, "bucket": bucket}
    keys = {"access_key": user.access_key, "secret_key": user.secret_key}
    return StoreRow(name, "S3", settings, json.dumps(keys))


async def failed(hosted: Hosted, store: StoreRow) -> list[tuple[str, str]]:
    checks, _ = await (await hosted.driver(store)).probe()
    return [(check.name, check.code) for check in checks if not check.ok]


async def new_bucket(user: S3Server) -> str:
    """A bucket that goes with its user."""
    name = f"test-{secrets.token_hex(6)}"
    async with user.client() as s3:
        await s3.create_bucket(Bucket=name)
    return name


async def test_a_rotated_secret_serves_at_once_and_the_old_one_no_more(s3_server: S3Server) -> None:
    async with fresh_user(s3_server) as old, stores() as hosted:
        bucket = await new_bucket(old)
        assert await failed(hosted, row(old, bucket)) == []
        new = await change_key(s3_server, old)
        assert await failed(hosted, row(old, bucket)) == [("list", "secret_key")]
        assert await failed(hosted, row(new, bucket)) == []


async def test_a_store_moved_to_another_user_asks_as_that_user(s3_server: S3Server) -> None:
    async with fresh_user(s3_server) as one, fresh_user(s3_server) as two, stores() as hosted:
        bucket = await new_bucket(one)
        assert await failed(hosted, row(one, bucket)) == []
        assert await failed(hosted, row(two, bucket)) == [("list", "denied"), ("begin", "denied")]
        assert await failed(hosted, row(one, bucket)) == []


async def test_one_access_key_with_two_secrets_is_two_clients(
    s3_server: S3Server, s3_bucket: str
) -> None:
    wrong = replace(s3_server, secret_key="canary-wrong-secret")
    async with stores() as hosted:
        for user, codes in ((wrong, [("list", "secret_key")]), (s3_server, [])) * 2:
            store = row(user, s3_bucket, f"store-{len(codes)}")
            assert await failed(hosted, store) == codes


async def test_a_read_only_key_reads_and_its_probe_says_denied(s3_server: S3Server) -> None:
    async with fresh_user(s3_server) as user:
        driver = s3_driver(user, await new_bucket(user))
        hand = Hand(driver, HttpClient())
        await hand.put("kept", b"kept")
        await change_user(s3_server, user, {"op-mask": "read"})
        checks, _ = await driver.probe()
        assert [(check.name, check.code) for check in checks if not check.ok] == [
            ("begin", "denied")
        ]
        with pytest.raises(Unavailable) as caught:
            await hand.begin("new", 1, "hop-2.1")
        assert caught.value.code == "unavailable.denied"
        assert await hand.get("kept") == b"kept"
        await driver.aclose()
