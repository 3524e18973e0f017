"""SwiftConnection: calls on one account, with a token that is renewed when it is refused."""

import asyncio
import json
from typing import Any
from urllib.parse import unquote, urlsplit

import aiohttp
from stowage_contracts.errors import Unavailable

from stowage_stores.swift.auth import Access, access
from stowage_stores.swift.errors import AGAIN, refusal, translated
from stowage_stores.swift.http import Answer, Ask, Wire
from stowage_stores.swift.limits import Limits
from stowage_stores.swift.settings import SwiftSettings

_PAUSES = (0.2, 1.0)


class SwiftConnection:
    """Holds the store's keys and its token; nothing else does."""

    def __init__(self, settings: SwiftSettings) -> None:
        self.settings = settings
        self._wire = Wire(settings.ca_bundle, settings.timeout_seconds)
        self._access: Access | None = None
        self._limits: Limits | None = None
        self._asking = asyncio.Lock()

    async def call(self, ask: Ask, resource: str, *allowed: int) -> Answer:
        """The answer when it is good or of an ``allowed`` status; else raises StowageError."""
        answer = await self._patiently(ask, resource)
        if answer.good or answer.status in allowed:
            return answer
        raise refusal(answer, resource)

    async def signed_path(self, path: str) -> tuple[str, str]:
        """Scheme and host, and the unquoted path a TempURL of ``path`` is signed for."""
        at = urlsplit((await self._opened()).url)
        return f"{at.scheme}://{at.netloc}", unquote(at.path) + path

    async def limits(self) -> Limits:
        """What the server says it can; asked once."""
        if self._limits is None:
            url = (await self._opened()).url
            with translated(url):
                answer = await self._wire.send(Ask("GET", "/info"), url.rpartition("/v1")[0], {})
            self._limits = Limits.of(_parsed(answer))
        return self._limits

    async def aclose(self) -> None:
        """Close connections; a later call opens them again."""
        await self._wire.aclose()

    async def _patiently(self, ask: Ask, resource: str) -> Answer:
        """Every request may be repeated: none says more the second time."""
        for pause in _PAUSES:
            try:
                with translated(resource):
                    answer = await self._sent(ask)
                if answer.status not in AGAIN:
                    return answer
            except Unavailable as error:
                if error.code != "unavailable.endpoint":
                    raise
            await asyncio.sleep(pause)
        with translated(resource):
            return await self._sent(ask)

    async def _sent(self, ask: Ask) -> Answer:
        opened = await self._opened()
        answer = await self._send(ask, opened)
        if answer.status != 401:
            return answer
        self._forget(opened)
        return await self._send(ask, await self._opened())

    async def _send(self, ask: Ask, opened: Access) -> Answer:
        try:
            return await self._wire.send(ask, opened.url, {"X-Auth-Token": opened.token})
        except aiohttp.ServerDisconnectedError:  # a kept connection the server had closed
            return await self._wire.send(ask, opened.url, {"X-Auth-Token": opened.token})

    async def _opened(self) -> Access:
        async with self._asking:
            if self._access is None:
                self._access = await access(self._wire, self.settings)
            return self._access

    def _forget(self, refused: Access) -> None:
        if self._access is refused:
            self._access = None


def _parsed(answer: Answer) -> dict[str, Any]:
    """An empty description where there is none: every limit then has its usual value."""
    if not answer.good:
        return {}
    try:
        found = json.loads(answer.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
