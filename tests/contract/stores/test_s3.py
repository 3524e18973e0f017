"""The S3 driver keeps the image store contract on a real server."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr
from stowage_contracts.testing.image_store_suite import ImageStoreSuite
from stowage_stores.s3 import S3Driver, S3Provider, S3Settings

from tests.servers.s3 import S3Server


class TestS3(ImageStoreSuite):
    more_than_a_page = 12

    @pytest.fixture
    async def driver(self, s3_server: S3Server, s3_bucket: str) -> AsyncIterator[S3Driver]:
        settings = S3Settings(
            endpoint=s3_server.endpoint, bucket=s3_bucket, region=s3_server.region,
            access_key=s3_server.access_key, secret_key=SecretStr(s3_server.secret_key),
            page=5, part_bytes=8 << 20,
        )  # fmt: skip
        driver = S3Provider().open(settings)
        yield driver
        await driver.aclose()
