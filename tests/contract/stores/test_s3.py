"""The S3 driver keeps the image store contract on a real server."""

from collections.abc import AsyncIterator

import pytest
from stowage_contracts.testing.image_store_suite import ImageStoreSuite
from stowage_stores.s3 import S3Driver, S3Provider

from tests.contract.stores.s3_store import s3_driver
from tests.servers.s3 import S3Server


class TestS3(ImageStoreSuite):
    more_than_a_page = 12

    @pytest.fixture
    def provider(self) -> S3Provider:
        return S3Provider()

    @pytest.fixture
    async def driver(self, s3_server: S3Server, s3_bucket: str) -> AsyncIterator[S3Driver]:
        driver = s3_driver(s3_server, s3_bucket, prefix="cloud/one")
        yield driver
        await driver.aclose()
