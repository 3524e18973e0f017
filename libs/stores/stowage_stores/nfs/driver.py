"""NfsDriver: ImageStoreDriver on an NFS export, every call in a child process."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from stowage_contracts.errors import StowageError
from stowage_contracts.grants import Grant
from stowage_contracts.plugins.image_store_driver import (
    Capacity,
    CommitAsk,
    DriverAbilities,
    ObjectStat,
    OpenWrite,
    ReadAsk,
    RevokeAsk,
    WriteAsk,
)
from stowage_contracts.values import Value
from stowage_contracts.views import ProbeCheck

from stowage_stores.nfs.child import Child
from stowage_stores.nfs.url import NfsUrl
from stowage_stores.nfs.wire import Hello

_TIMES = {"commit": 10, "next": 10, "probe": 9}
"""So many deadlines a call may take: commits sync, a probe is several calls."""
_STUCK = "stuck"


class NfsDriver:
    """One export. The child is begun at the first call, and anew after one got stuck."""

    def __init__(self, url: NfsUrl, seconds: float) -> None:
        self.can = DriverAbilities(
            schemes=("nfs",), notes=True, lists_writes=True, unknown_length=True
        )
        self._url, self._seconds = url, seconds
        self._starting = asyncio.Lock()
        self._child: Child | None = None

    async def probe(self) -> tuple[tuple[ProbeCheck, ...], Capacity]:
        """As of a directory: write, sync, read, commit, list, delete; stops at what fails."""
        try:
            rows, capacity = await self._ask("probe", None)
        except StowageError as error:
            code = error.code.rpartition(".")[2]
            return (ProbeCheck(name="root", ok=False, code=code, cause=error.cause),), Capacity()
        checks = tuple(map(ProbeCheck.model_validate, rows))
        if any(check.code == _STUCK for check in checks):
            self._drop()
        return checks, Capacity.model_validate(capacity)

    async def stat(self, key: str) -> ObjectStat:
        """Raises NotFound."""
        return ObjectStat.model_validate(await self._ask("stat", key))

    async def list(self, prefix: str = "") -> AsyncIterator[ObjectStat]:
        """Every object below ``prefix``, in key order."""
        async for row in self._rows("list", prefix):
            yield ObjectStat.model_validate(row)

    async def delete(self, key: str) -> None:
        """Idempotent."""
        await self._ask("delete", key)

    async def grant(self, ask: ReadAsk | WriteAsk) -> Grant:
        """An ``nfs:`` URI of the object, or of the writer's part, with whom to read it as."""
        call = "write" if isinstance(ask, WriteAsk) else "read"
        return Grant.model_validate(await self._ask(call, ask))

    async def commit(self, ask: CommitAsk) -> ObjectStat:
        """Make the part durable and give it its name, which must be free."""
        return ObjectStat.model_validate(await self._ask("commit", ask))

    async def revoke(self, ask: RevokeAsk) -> None:
        """Delete the part."""
        await self._ask("revoke", ask)

    async def write_note(self, key: str, text: str) -> None:
        """Replace the note of ``key``."""
        await self._ask("write_note", (key, text))

    async def read_note(self, key: str) -> str:
        """Raises NotFound."""
        return str(await self._ask("read_note", key))

    async def writes(self) -> AsyncIterator[OpenWrite]:
        """Every part."""
        async for row in self._rows("writes", None):
            yield OpenWrite.model_validate(row)

    async def aclose(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is not None:
            await child.close()

    async def _rows(self, call: str, value: Any) -> AsyncIterator[Any]:
        child = await self._running()
        number = await self._ask(call, value)
        try:
            while rows := await self._ask("next", number):
                for row in rows:
                    yield row
        finally:
            child.tell("end", number)

    async def _ask(self, call: str, value: Any) -> Any:
        child = await self._running()
        told = value.model_dump(mode="json") if isinstance(value, Value) else value
        # The child keeps the deadline itself; only one that can't is killed for its silence.
        patience = self._seconds * _TIMES.get(call, 1) * 1.5 + 2
        try:
            return await child.ask(call, told, patience)
        except StowageError as error:
            if error.code.endswith(f".{_STUCK}"):
                child.kill()
            raise

    async def _running(self) -> Child:
        async with self._starting:
            if self._child is None or not self._child.alive:
                await self.aclose()
                hello = Hello(url=str(self._url), seconds=self._seconds)
                self._child = await Child.start(hello, self._url.shown)
            return self._child

    def _drop(self) -> None:
        if self._child is not None:
            self._child.kill()
