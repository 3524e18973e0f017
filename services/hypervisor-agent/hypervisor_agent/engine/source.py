"""A source whose grant is renewed while it is read."""

import asyncio
from collections.abc import Awaitable, Callable

from stowage_contracts.errors import GrantRefused, SourceChanged
from stowage_contracts.plugins import RangedReader
from stowage_contracts.values import Range

from hypervisor_agent.engine.reading import Stretching

Open = Callable[[], Awaitable[RangedReader]]
"""Redeems the grant again and opens what it names."""


class RenewingReader:
    """A RangedReader that opens itself again when its grant has run out."""

    def __init__(self, reader: RangedReader, reopen: Open) -> None:
        """``reader`` is what ``reopen`` gave first."""
        self._reader, self._reopen = reader, reopen
        self._old: list[RangedReader] = []
        self._renewing = asyncio.Lock()
        self.size, self.validator, self.ranged = reader.size, reader.validator, reader.ranged

    @classmethod
    async def open(cls, reopen: Open) -> "RenewingReader":
        """Raises what ``reopen`` raises."""
        return cls(await reopen(), reopen)

    @property
    def received(self) -> int:
        """Bytes over all grants."""
        return sum(reader.received for reader in (*self._old, self._reader))

    @property
    def stretch(self) -> int:
        """As the reader behind it."""
        return self._reader.stretch if isinstance(self._reader, Stretching) else 0

    def ahead(self, extent: Range) -> None:
        """As the reader behind it."""
        if isinstance(self._reader, Stretching):
            self._reader.ahead(extent)

    async def next_data(self, offset: int) -> int:
        """As the reader behind it."""
        return await self._reader.next_data(offset)

    async def read_into(self, offset: int, buffer: memoryview) -> None:
        """As the reader behind it; renews once for each refusal."""
        reader = self._reader
        try:
            await reader.read_into(offset, buffer)
        except GrantRefused:
            await self._renew(reader)
            await self._reader.read_into(offset, buffer)

    async def close(self) -> None:
        """Close every reader there was."""
        for reader in (*self._old, self._reader):
            await reader.close()

    async def _renew(self, refused: RangedReader) -> None:
        async with self._renewing:
            if self._reader is not refused:
                return
            fresh = await self._reopen()
            if (fresh.size, fresh.validator) != (self.size, self.validator):
                await fresh.close()
                raise SourceChanged("another object lies behind the renewed grant")
            # Other lanes may still be reading with the old one.
            self._old.append(refused)
            self._reader = fresh
