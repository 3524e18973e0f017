"""What a store's child process can be asked: the driver's verbs, as JSON in and out."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr
from stowage_contracts.errors import Unavailable
from stowage_contracts.grants import Grant
from stowage_contracts.plugins.image_store_driver import CommitAsk, ReadAsk, RevokeAsk, WriteAsk
from stowage_contracts.values import Value

from stowage_stores.directory import DirectoryDriver
from stowage_stores.nfs.url import NfsUrl

Call = Callable[[Any], Awaitable[Any]]
PAGE = 1000
_LISTINGS = 8


class Calls:
    """The verbs on one driver. ``list`` answers a number to be given to ``next``."""

    def __init__(self, driver: DirectoryDriver, url: NfsUrl, root: PurePosixPath) -> None:
        self._driver, self._url, self._root = driver, url, root
        self._listings: dict[int, AsyncIterator[Value]] = {}
        self._begun = 0
        self.table: Mapping[str, Call] = {
            "probe": self._probe,
            "stat": self._stat,
            "delete": driver.delete,
            "read": self._read,
            "write": self._write,
            "commit": self._commit,
            "revoke": self._revoke,
            "list": self._list,
            "writes": self._writes,
            "write_note": self._write_note,
            "read_note": driver.read_note,
            "next": self._next,
            "end": self._end,
        }

    async def _probe(self, value: None) -> Any:
        checks, capacity = await self._driver.probe()
        return [[check.model_dump() for check in checks], capacity.model_dump()]

    async def _stat(self, key: str) -> Any:
        return (await self._driver.stat(key)).model_dump()

    async def _read(self, ask: Any) -> Any:
        return self._remote(await self._driver.grant(ReadAsk.model_validate(ask)))

    async def _write(self, ask: Any) -> Any:
        return self._remote(await self._driver.grant(WriteAsk.model_validate(ask)))

    async def _commit(self, ask: Any) -> Any:
        return (await self._driver.commit(CommitAsk.model_validate(ask))).model_dump()

    async def _revoke(self, ask: Any) -> None:
        await self._driver.revoke(RevokeAsk.model_validate(ask))

    async def _list(self, prefix: str) -> int:
        return self._begin(self._driver.list(prefix))

    async def _writes(self, value: None) -> int:
        return self._begin(self._driver.writes())

    async def _write_note(self, value: tuple[str, str]) -> None:
        key, text = value
        await self._driver.write_note(key, text)

    def _begin(self, listing: AsyncIterator[Value]) -> int:
        self._begun += 1
        self._listings[self._begun] = listing
        while len(self._listings) > _LISTINGS:
            del self._listings[next(iter(self._listings))]
        return self._begun

    async def _next(self, number: int) -> list[Any]:
        listing = self._listings.get(number)
        if listing is None:
            raise Unavailable(f"more than {_LISTINGS} listings at once", code="busy")
        rows: list[Any] = []
        async for row in listing:
            rows.append(row.model_dump(mode="json"))
            if len(rows) == PAGE:
                break
        return rows

    async def _end(self, number: int) -> None:
        listing = self._listings.pop(number, None)
        if isinstance(listing, AsyncGenerator):
            await listing.aclose()

    def _remote(self, grant: Grant) -> Any:
        assert grant.uri is not None
        path = PurePosixPath(unquote(urlsplit(grant.uri.get_secret_value()).path))
        uri = SecretStr(self._url.of(path.relative_to(self._root)))
        return grant.model_copy(update={"uri": uri}).model_dump(mode="json")
