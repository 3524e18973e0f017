"""Copies that are cut short: cancelled, their agent killed, their store removed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.e2e.operator import HOST, Operator
from tests.e2e.sources import MIB, Source, image, serving
from tests.servers.s3 import S3Server

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180), pytest.mark.slow]
SIZE = 96 * MIB


@asynccontextmanager
async def half_way(
    operator: Operator, seed: int, **changes: Any
) -> AsyncIterator[tuple[Source, dict[str, Any]]]:
    """A registration that is at its half."""
    async with serving(Source(image(SIZE, seed=seed), bytes_per_second=8 * MIB)) as source:
        made = await operator.register(source.url, checksum=source.sha256, **changes)
        async with asyncio.timeout(90):
            while source.sent < SIZE // 2:
                await asyncio.sleep(0.02)
        yield source, made


async def uploads(s3_server: S3Server, bucket: str) -> list[str]:
    async with s3_server.client() as client:
        found = await client.list_multipart_uploads(Bucket=bucket)
    return [upload["Key"] for upload in found.get("Uploads", [])]


async def bucket_of(operator: Operator) -> str:
    store = await operator.call("GET", "stores/s3")
    return str(store["settings"]["bucket"])


async def test_a_cancel_at_the_half_leaves_no_upload_and_frees_its_slot(
    operator: Operator, s3_store: str, s3_server: S3Server
) -> None:
    bucket = await bucket_of(operator)
    async with half_way(operator, seed=81, store_ids=[s3_store]) as (_, made):
        assert await uploads(s3_server, bucket)
        await operator.call("POST", f"copies/{made['copy_id']}/cancel")
        copy = await operator.settle(f"copies/{made['copy_id']}")
        assert copy["state"] == "cancelled"
    async with asyncio.timeout(30):
        while await uploads(s3_server, bucket):
            await asyncio.sleep(0.1)
    template = await operator.settle(f"templates/{made['id']}")
    assert not template["ready"]
    async with s3_server.client() as client:
        objects = await client.list_objects_v2(Bucket=bucket, Prefix="template/")
    assert made["id"] not in str(objects.get("Contents", []))


async def test_another_agent_finishes_what_a_killed_one_began(
    operator: Operator, s3_store: str, s3_server: S3Server
) -> None:
    """Bytes sent again are at most the ranges that were in flight."""
    await operator.host("h2", "pool2")
    async with half_way(operator, seed=82, store_ids=[s3_store]) as (source, made):
        copy = await operator.call("GET", f"copies/{made['copy_id']}")
        (hop,) = copy["hops"]
        await operator.deployment.kill(f"agent:{hop['host_id']}")
        source.bytes_per_second = 0
        ended = await operator.settle(f"copies/{made['copy_id']}", seconds=60)
        ended = await operator.settle(f"copies/{made['copy_id']}", seconds=60)
    assert ended["state"] == "done", ended["error"]
    assert ended["hops"][0]["host_id"] != hop["host_id"]
    assert ended["hops"][0]["epoch"] == 2
    template = await operator.settle(f"templates/{made['id']}")
    assert template["ready"], template["error"]
    assert await uploads(s3_server, await bucket_of(operator)) == []
    await _bring_back(operator, hop["host_id"])


async def _bring_back(operator: Operator, host_id: str) -> None:
    pool = "pool1" if host_id == HOST else "pool2"
    root = operator.deployment.folder / pool
    pools = [{"id": pool, "name": pool, "root": str(root)}]
    roots = [str(operator.deployment.folder)]
    await operator.deployment.start_agent(host_id, pools=pools, roots=roots)


async def test_a_store_removed_in_mid_copy_ends_the_copy_with_that_reason(
    operator: Operator,
) -> None:
    root = await operator.directory_store("s9")
    async with half_way(operator, seed=83, store_ids=["s9"]) as (_, made):
        await operator.call("DELETE", "stores/s9")
        template = await operator.settle(f"templates/{made['id']}")
    assert template["error"]["code"] == "conflict.store_removed"
    assert template["error"]["resource"] == "store/s9"
    copy = await operator.settle(f"copies/{made['copy_id']}")
    assert copy["state"] == "failed"
    assert copy["error"]["code"]
    assert root.exists()
