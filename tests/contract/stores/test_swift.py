"""The Swift driver keeps the image store contract on real servers: OpenStack's and Ceph's."""

from collections.abc import AsyncIterator

import pytest
from stowage_contracts.testing.image_store_suite import ImageStoreSuite
from stowage_stores.swift import SwiftDriver, SwiftProvider

from tests.contract.stores.swift_store import swift_driver
from tests.servers.swift_server import SwiftServer


class TestSwift(ImageStoreSuite):
    more_than_a_page = 12

    @pytest.fixture
    def provider(self) -> SwiftProvider:
        return SwiftProvider()

    @pytest.fixture
    async def driver(
        self, swift_server: SwiftServer, swift_container: str
    ) -> AsyncIterator[SwiftDriver]:
        driver = swift_driver(swift_server, swift_container, prefix="cloud/one")
        yield driver
        await driver.aclose()


class TestCephSwift(ImageStoreSuite):
    more_than_a_page = 12

    @pytest.fixture
    def provider(self) -> SwiftProvider:
        return SwiftProvider()

    @pytest.fixture
    async def driver(
        self, rgw_server: SwiftServer, rgw_container: str
    ) -> AsyncIterator[SwiftDriver]:
        driver = swift_driver(rgw_server, rgw_container, prefix="cloud/one")
        yield driver
        await driver.aclose()
