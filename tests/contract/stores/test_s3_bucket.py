"""The bucket itself: made and removed only as asked, and what it does is told by the probe."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from stowage_contracts.errors import Unavailable
from stowage_contracts.keys import RESERVED
from stowage_contracts.testing.grant_client import HttpClient
from stowage_contracts.testing.store_hand import Hand
from stowage_stores.s3 import S3Driver
from stowage_stores.s3 import bucket as calls
from stowage_stores.s3.findings import effects
from stowage_stores.s3.lifecycle import S3Lifecycle

from tests.contract.stores.s3_store import s3_driver
from tests.servers.s3 import S3Server, fresh_bucket
from tests.servers.s3_users import fresh_user


@asynccontextmanager
async def life_of(
    server: S3Server, bucket: str, **other: Any
) -> AsyncIterator[tuple[S3Driver, S3Lifecycle]]:
    driver = s3_driver(server, bucket, **other)
    yield driver, S3Lifecycle(driver.bucket)
    await driver.aclose()


async def exists(server: S3Server, bucket: str) -> bool:
    async with server.client() as s3:
        return bucket in [row["Name"] for row in (await s3.list_buckets())["Buckets"]]


async def test_no_bucket_is_made_unless_asked(s3_server: S3Server, s3_bucket: str) -> None:
    missing = f"{s3_bucket}-x"
    async with life_of(s3_server, missing) as (_, life):
        await life.initialize()
        assert not await exists(s3_server, missing)


async def test_a_bucket_somebody_else_made_is_never_removed(
    s3_server: S3Server, s3_bucket: str
) -> None:
    for create in (False, True):
        async with life_of(s3_server, s3_bucket, create=create) as (_, life):
            await life.initialize()
            await life.delete()
            assert await exists(s3_server, s3_bucket)


async def test_a_bucket_we_made_stays_while_anything_is_in_it(
    s3_server: S3Server, s3_bucket: str
) -> None:
    made = f"{s3_bucket}-made"
    async with life_of(s3_server, made, create=True) as (driver, life):
        await life.initialize()
        hand = Hand(driver, HttpClient())
        assert await hand.keys() == []
        grant = await hand.begin("k", 1)
        await life.delete()
        assert await exists(s3_server, made)
        await hand.fill(grant, b"x")
        await hand.commit("k", grant, b"x")
        await life.delete()
        assert await hand.keys() == ["k"]
        await driver.delete("k")
        for _ in range(2):
            await life.delete()
        assert not await exists(s3_server, made)


async def test_a_region_the_server_does_not_have_is_told(
    s3_server: S3Server, s3_bucket: str
) -> None:
    async with life_of(s3_server, f"{s3_bucket}-x", create=True, region="nowhere-1") as (_, life):
        with pytest.raises(Unavailable) as caught:
            await life.initialize()
        assert caught.value.code == "unavailable.region"


async def told(driver: S3Driver) -> Mapping[str, str]:
    checks, _ = await driver.probe()
    assert all(check.ok for check in checks)
    return {check.name: check.cause for check in checks if check.cause}


async def test_a_plain_bucket_has_nothing_to_tell(s3_server: S3Server, s3_bucket: str) -> None:
    async with life_of(s3_server, s3_bucket) as (driver, _):
        assert await told(driver) == {}


async def test_versions_and_rules_are_told_and_fail_no_probe(
    s3_server: S3Server, s3_bucket: str
) -> None:
    rules: list[Any] = [
        {
            "ID": "tidy",
            "Status": "Enabled",
            "Filter": {"Prefix": "cloud/"},
            "Expiration": {"Days": 30},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2},
        },
        {"ID": "other", "Status": "Enabled", "Filter": {"Prefix": "x"}, "Expiration": {"Days": 1}},
    ]
    async with s3_server.client() as s3:
        await s3.put_bucket_lifecycle_configuration(
            Bucket=s3_bucket, LifecycleConfiguration={"Rules": rules}
        )
    async with life_of(s3_server, s3_bucket, prefix="cloud") as (driver, _):
        assert await told(driver) == {
            "lifecycle": "rule 'tidy' deletes objects after 30 days; "
            "rule 'tidy' aborts uploads after 2 days"
        }


async def test_versioning_is_told(s3_server: S3Server) -> None:
    async with fresh_bucket(s3_server) as name, s3_server.client() as s3:
        await s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        async with life_of(s3_server, name) as (driver, _):
            assert (await told(driver))["versioning"].startswith("versions are kept")
        rows = await s3.list_object_versions(Bucket=name)
        for row in [*rows.get("Versions", []), *rows.get("DeleteMarkers", [])]:
            await s3.delete_object(Bucket=name, Key=row["Key"], VersionId=row["VersionId"])


async def test_locks_are_told(s3_server: S3Server) -> None:
    async with fresh_user(s3_server) as user, user.client() as s3:
        name = f"test-{user.access_key}"
        await s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
        async with life_of(user, name) as (driver, _):
            assert (await told(driver))["object_lock"].startswith("objects can be locked")
            rule: Any = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
            await s3.put_object_lock_configuration(
                Bucket=name, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
            )
            assert (await told(driver))["object_lock"] == (
                "objects are locked for 1 days (GOVERNANCE): deleting frees no space before"
            )


def test_rules_elsewhere_or_switched_off_do_not_matter() -> None:
    rule = {"ID": "a", "Prefix": "images/", "Expiration": {"Date": "2030-01-01"}}
    assert list(effects(rule | {"Status": "Disabled"}, "")) == []
    assert list(effects(rule | {"Status": "Enabled"}, "other/")) == []
    assert list(effects(rule | {"Status": "Enabled"}, "images/cloud/")) == [
        "rule 'a' deletes objects on 2030-01-01"
    ]
    move = {"Status": "Enabled", "Filter": {"And": {"Prefix": ""}}, "ID": "b"}
    assert list(effects(move | {"Transitions": [{"Days": 3, "StorageClass": "GLACIER"}]}, "")) == [
        "rule 'b' moves objects to GLACIER after 3 days"
    ]


async def test_what_a_crashed_probe_left_is_swept(
    s3_server: S3Server, s3_bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with s3_server.client() as s3:
        for key in ("probe-1-dead", "probe-fffffff-alive"):
            await s3.put_object(Bucket=s3_bucket, Key=f"{RESERVED}/{key}", Body=b"")
        await s3.create_multipart_upload(Bucket=s3_bucket, Key=f"{RESERVED}/probe-1-dead")
    monkeypatch.setattr(calls, "ABANDONED", timedelta(seconds=-60))
    async with life_of(s3_server, s3_bucket) as (driver, _):
        await told(driver)
        left = [key async for key in driver.bucket.own("")]
        assert left == [f"{RESERVED}/probe-fffffff-alive"]
        assert [upload async for upload in driver.bucket.uploads()] == []
