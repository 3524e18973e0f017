"""The directory driver keeps the image store contract."""

from pathlib import Path

import pytest
from stowage_contracts.testing.image_store_suite import ImageStoreSuite
from stowage_stores.directory import DirectoryDriver, DirectoryProvider, DirectorySettings


class TestDirectory(ImageStoreSuite):
    @pytest.fixture
    def provider(self) -> DirectoryProvider:
        return DirectoryProvider()

    @pytest.fixture
    def driver(self, provider: DirectoryProvider, tmp_path: Path) -> DirectoryDriver:
        return provider.open(DirectorySettings(root=str(tmp_path)))
