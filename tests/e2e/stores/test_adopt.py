"""The database of image-store is lost; the stores themselves give the catalogue back."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from tests.e2e.deployment import Backing, deployed
from tests.e2e.operator import Operator
from tests.e2e.sources import MIB, Source, image, serving
from tests.e2e.stores.conftest import add_rgw, ready_on, until
from tests.servers.broker import remove_prefixed
from tests.servers.databases import fresh_database
from tests.servers.s3 import S3Server

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]
KEPT = ("id", "name", "account_id", "kind", "format", "scope", "size", "virtual_size", "digest")


@pytest_asyncio.fixture
async def backings(
    postgres_url: str, rabbitmq_url: str, rabbitmq_management_url: str
) -> AsyncIterator[list[Backing]]:
    """Two places to run: before the loss and after it."""
    prefixes = [f"t{secrets.token_hex(4)}" for _ in range(2)]
    async with fresh_database(postgres_url) as one, fresh_database(postgres_url) as two:
        yield [
            Backing(url, rabbitmq_url, rabbitmq_management_url, prefix)
            for url, prefix in zip((one, two), prefixes, strict=True)
        ]
    for prefix in prefixes:
        remove_prefixed(rabbitmq_management_url, prefix)


async def test_a_lost_database_is_rebuilt_from_a_bucket(
    backings: list[Backing], s3_server: S3Server, s3_bucket: str, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    async with deployed(first, backings[0]) as deployment, Operator.of(deployment) as operator:
        await operator.places()
        await operator.host()
        await add_rgw(operator, s3_server, s3_bucket)
        async with serving(Source(image(6 * MIB, 41))) as source:
            before = [await made(operator, source, name) for name in ("one", "two")]
        await until(lambda: noted(backings[0]), "manifests are written")
    async with deployed(second, backings[1]) as deployment, Operator.of(deployment) as operator:
        await operator.places()
        await operator.host()
        await add_rgw(operator, s3_server, s3_bucket)
        assert (await operator.call("GET", "templates"))["items"] == []
        await operator.call("POST", "stores/rgw/adopt")
        after = [await ready_on_after(operator, one["id"]) for one in before]
    for was, now in zip(before, after, strict=True):
        assert {name: now[name] for name in KEPT} == {name: was[name] for name in KEPT}


async def made(operator: Operator, source: Source, name: str) -> dict[str, Any]:
    """A region-wide template on the bucket."""
    asked = await operator.register(
        source.url, name=name, store_ids=["rgw"], zone_id=None, scope="regionWide"
    )
    return await ready_on(operator, asked["id"], "rgw")


async def ready_on_after(operator: Operator, template_id: str) -> dict[str, Any]:
    """The template once it was adopted, read whole and judged."""

    async def known() -> bool:
        listed = await operator.call("GET", "templates")
        return template_id in {one["id"] for one in listed["items"]}

    await until(known, "it is in the catalogue again")
    return await ready_on(operator, template_id, "rgw")


async def noted(backing: Backing) -> bool:
    """Whether no side effect waits in image-store any more."""
    connection = await asyncpg.connect(backing.database_url)
    try:
        return bool(await connection.fetchval("SELECT count(*) = 0 FROM image_store.intents"))
    finally:
        await connection.close()
