"""SwiftLifecycle: makes the container where asked to, and leaves the TempURL key."""

from stowage_contracts.plugins.data_store_lifecycle import PlainLifecycle

from stowage_stores.swift.container import Container
from stowage_stores.swift.http import Ask
from stowage_stores.swift.tempurl import TempUrls


class SwiftLifecycle(PlainLifecycle):
    """All else needs nothing done."""

    def __init__(self, container: Container, links: TempUrls) -> None:
        self._container, self._links = container, links

    async def initialize(self) -> None:
        """Idempotent. Raises Conflict (``temp_url_key``) when the account keeps two others."""
        settings = self._container.settings
        if settings.create:
            made = Ask("PUT", f"/{settings.container}", {}, settings.placed)
            await self._container.connection.call(made, settings.container)
        await self._links.leave_key()
