"""The directory driver keeps the image store contract."""

from pathlib import Path

import pytest
from stowage_contracts.testing.image_store_suite import ImageStoreSuite
from stowage_stores.directory import DirectoryDriver, DirectoryProvider, DirectorySettings


class TestDirectory(ImageStoreSuite):
    @pytest.fixture
    def driver(self, tmp_path: Path) -> DirectoryDriver:
        return DirectoryProvider().open(DirectorySettings(root=str(tmp_path)))
