"""The S3 driver keeps its contract on another dialect: Swift's s3api."""

from collections.abc import AsyncIterator

import pytest
from stowage_contracts.errors import Unavailable
from stowage_contracts.testing.image_store_suite import ImageStoreSuite
from stowage_contracts.testing.image_store_suite.base import KEY
from stowage_contracts.testing.store_hand import Hand, bytes_of
from stowage_stores.s3 import S3Driver, S3Provider

from tests.contract.stores.s3_store import s3_driver
from tests.servers.s3 import S3Server, fresh_bucket
from tests.servers.swift_server import SwiftServer


@pytest.fixture
def s3api(swift_server: SwiftServer) -> S3Server:
    """Swift's second door."""
    endpoint = swift_server.auth_url.removesuffix("/auth/v1.0")
    return S3Server(endpoint, swift_server.user, swift_server.key)


class TestS3OfSwift(ImageStoreSuite):
    more_than_a_page = 12

    @pytest.fixture
    def provider(self) -> S3Provider:
        return S3Provider()

    @pytest.fixture
    async def driver(self, s3api: S3Server) -> AsyncIterator[S3Driver]:
        async with fresh_bucket(s3api) as bucket:
            driver = s3_driver(s3api, bucket, prefix="cloud/one")
            yield driver
            await driver.aclose()

    async def test_a_part_late_for_its_commit_changes_nothing(self, hand: Hand) -> None:
        """s3api takes parts of a completed upload: the object is then refused, never altered."""
        data = bytes_of(1000)
        grant = await hand.begin(KEY, len(data))
        await hand.fill(grant, data)
        await hand.commit(KEY, grant, data)
        await hand.fill(grant, bytes_of(1000, 2))
        with pytest.raises(Unavailable, match="409"):
            await hand.get(KEY)
