"""What the rows of the suite share: the driver under test and a hand to use it with."""

import pytest

from stowage_contracts.plugins.image_store_driver import ImageStoreDriver
from stowage_contracts.testing.grant_client import GrantClient, client_for
from stowage_contracts.testing.store_hand import Hand

KEY = "template/2f9f1c1e/1/disk.qcow2"


@pytest.mark.asyncio
class StoreRows:
    """Rows about one empty store; ``driver`` is given by the subclass."""

    more_than_a_page = 40
    """How many objects need a second page when listed."""

    @pytest.fixture
    def grant_client(self, driver: ImageStoreDriver) -> GrantClient:
        """Override for a scheme other than file, http and https."""
        return client_for(driver.can.schemes[0])

    @pytest.fixture
    def hand(self, driver: ImageStoreDriver, grant_client: GrantClient) -> Hand:
        """Owner and agent in one."""
        return Hand(driver, grant_client)
