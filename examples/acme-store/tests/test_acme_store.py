"""Acme's store keeps Stowage's contract."""

from pathlib import Path

import pytest
from acme_store.driver import AcmeDriver
from acme_store.provider import AcmeProvider, AcmeSettings
from stowage_contracts.testing.image_store_suite import ImageStoreSuite


class TestAcme(ImageStoreSuite):
    @pytest.fixture
    def provider(self) -> AcmeProvider:
        return AcmeProvider()

    @pytest.fixture
    def driver(self, provider: AcmeProvider, tmp_path: Path) -> AcmeDriver:
        return provider.open(AcmeSettings(folder=tmp_path))
