"""What every ImageStoreDriver and its provider must do. Subclass it and give two fixtures::

    class TestAcme(ImageStoreSuite):
        @pytest.fixture
        def provider(self):
            return AcmeProvider()

        @pytest.fixture
        def driver(self, provider, tmp_path):
            return provider.open(AcmeSettings(folder=tmp_path))

The store must be empty, and of this test alone. A scheme other than file and http(s) also needs
a ``grant_client`` fixture. Abilities a store lacks are declared in ``driver.can``; the suite then
checks that the driver has no such method, or refuses what it can't do, and skips the rows about
it with the declared reason. An ability that is declared is never skipped.
"""

from stowage_contracts.testing.image_store_suite.commits import Commits
from stowage_contracts.testing.image_store_suite.copies import ServerSideCopies
from stowage_contracts.testing.image_store_suite.grants import Grants
from stowage_contracts.testing.image_store_suite.listing import Listing
from stowage_contracts.testing.image_store_suite.notes import Notes
from stowage_contracts.testing.image_store_suite.objects import Objects
from stowage_contracts.testing.image_store_suite.open_writes import OpenWrites
from stowage_contracts.testing.image_store_suite.parts import Parts
from stowage_contracts.testing.image_store_suite.provider import Provider
from stowage_contracts.testing.image_store_suite.removal import Removal
from stowage_contracts.testing.image_store_suite.store import StoreItself
from stowage_contracts.testing.image_store_suite.unfinished import UnfinishedWrites

__all__ = ["ImageStoreSuite"]


class ImageStoreSuite(
    StoreItself,
    Objects,
    UnfinishedWrites,
    Commits,
    Removal,
    Listing,
    Grants,
    Parts,
    ServerSideCopies,
    Notes,
    OpenWrites,
    Provider,
):
    """Every behaviour an image store promises."""
