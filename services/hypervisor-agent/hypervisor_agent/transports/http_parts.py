"""URLs of multipart parts: asked for in batches, and again when they have expired."""

import asyncio

from pydantic import SecretStr
from stowage_contracts.errors import GrantRefused
from stowage_contracts.grants import PartUrl
from stowage_contracts.plugins.transport import PartSource

BATCH = 16


class PartUrls:
    """Where each part is PUT."""

    def __init__(self, source: PartSource, known: tuple[PartUrl, ...], last: int) -> None:
        self._source, self._last = source, last
        self._known = {part.number: part.url for part in known}
        self._renewed: set[int] = set()
        self._asking = asyncio.Lock()

    async def get(self, number: int) -> SecretStr:
        """The URL; asks for it and those after it. Raises GrantRefused, Unavailable."""
        async with self._asking:
            if number not in self._known:
                count = min(BATCH, self._last - number + 1)
                fresh = await self._source(number, count)
                self._known |= {part.number: part.url for part in fresh}
        if number not in self._known:
            raise GrantRefused(f"no URL was given for part {number}", code="part")
        return self._known[number]

    def expired(self, number: int, url: SecretStr) -> bool:
        """Note that a URL was refused; False when a fresh one of that part was refused before."""
        if url in self._known.values():
            self._known.clear()  # its batch has expired with it
        if number in self._renewed:
            return False
        self._renewed.add(number)
        return True
