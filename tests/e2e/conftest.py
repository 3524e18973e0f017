"""One deployment for all tests of a module, on real servers, with a zone, stores and a host."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.deployment import Backing, deployed
from tests.e2e.operator import Operator
from tests.servers.broker import remove_prefixed
from tests.servers.databases import fresh_database
from tests.servers.s3 import S3Server, fresh_bucket


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def backing(
    postgres_url: str, rabbitmq_url: str, rabbitmq_management_url: str
) -> AsyncIterator[Backing]:
    prefix = f"t{secrets.token_hex(4)}"
    async with fresh_database(postgres_url) as url:
        yield Backing(url, rabbitmq_url, rabbitmq_management_url, prefix)
    remove_prefixed(rabbitmq_management_url, prefix)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def operator(
    tmp_path_factory: pytest.TempPathFactory, backing: Backing
) -> AsyncIterator[Operator]:
    """An operator of a zone with directory store ``s1`` and KVM host ``h1``."""
    folder: Path = tmp_path_factory.mktemp("deployment")
    async with deployed(folder, backing) as deployment, Operator.of(deployment) as operator:
        await operator.places()
        await operator.directory_store()
        await operator.host()
        yield operator


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def s3_store(operator: Operator, s3_server: S3Server) -> AsyncIterator[str]:
    """The id of an image store on Ceph RGW."""
    async with fresh_bucket(s3_server) as bucket:
        body = {
            "id": "s3",
            "name": "rgw",
            "provider": "S3",
            "settings": {
                "endpoint": s3_server.endpoint,
                "bucket": bucket,
                "region": s3_server.region,
            },
            "secrets": {"access_key": s3_server.access_key, "secret_key": s3_server.secret_key},
        }
        await operator.call("POST", "stores", body)
        store = await operator.settle("stores/s3")
        assert store["state"] == "Up", store["error"]
        yield "s3"
