"""Requests and answers as values, and the aiohttp session that carries them."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
from yarl import URL

_CONNECT_SECONDS = 5
_CONNECTIONS = 32


@dataclass(frozen=True)
class Ask:
    """One request below an account; ``path`` is unquoted, "" or "/container[/object]"."""

    method: str
    path: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    patience: float = 1
    """How many times the usual silence the server may need."""

    @property
    def target(self) -> str:
        """Path and query, quoted."""
        query = f"?{urlencode(self.query)}" if self.query else ""
        return quote(self.path) + query


@dataclass(frozen=True)
class Answer:
    """What came back; header names ignore case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def good(self) -> bool:
        """Whether it did what was asked."""
        return 200 <= self.status < 300


class Wire:
    """One pool of connections, opened at first use."""

    def __init__(self, ca_bundle: str, seconds: float) -> None:
        self._ca_bundle, self._seconds = ca_bundle, seconds
        self._session: aiohttp.ClientSession | None = None
        self._opening = asyncio.Lock()

    async def send(self, ask: Ask, base: str, headers: Mapping[str, str]) -> Answer:
        """One request to ``base`` + its target. Raises what aiohttp raises."""
        session = await self._opened()
        silence = self._seconds * ask.patience
        limit = aiohttp.ClientTimeout(
            total=None, sock_read=silence, connect=silence, sock_connect=_CONNECT_SECONDS
        )
        told: dict[str, Any] = {"data": ask.body, "headers": {**headers, **ask.headers}}
        url = URL(base + ask.target, encoded=True)
        async with session.request(
            ask.method, url, timeout=limit, allow_redirects=False, **told
        ) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    async def aclose(self) -> None:
        """Close connections; a later call opens them again."""
        async with self._opening:
            session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _opened(self) -> aiohttp.ClientSession:
        async with self._opening:
            if self._session is None:
                tls = await asyncio.to_thread(_trust, self._ca_bundle)
                connector = aiohttp.TCPConnector(limit=_CONNECTIONS, ssl=tls)
                self._session = aiohttp.ClientSession(
                    connector=connector, cookie_jar=aiohttp.DummyCookieJar()
                )
            return self._session


def _trust(ca_bundle: str) -> ssl.SSLContext | bool:
    return ssl.create_default_context(cafile=ca_bundle) if ca_bundle else True
