"""The NFS driver keeps the image store contract, on a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from stowage_contracts.testing.image_store_suite import ImageStoreSuite
from stowage_stores.nfs import NfsDriver, NfsProvider

from tests.contract.stores.nfs_store import NfsClient, nfs_store
from tests.servers.nfs import Share


class TestNfs(ImageStoreSuite):
    @pytest.fixture
    def provider(self) -> NfsProvider:
        return NfsProvider()

    @pytest.fixture
    async def driver(self, nfs_share: Share) -> AsyncIterator[NfsDriver]:
        async with nfs_store(nfs_share.url) as driver:
            yield driver

    @pytest.fixture
    def grant_client(self) -> NfsClient:
        return NfsClient()
