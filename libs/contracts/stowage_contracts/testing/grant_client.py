"""GrantClient: uses a grant as an agent would, knowing nothing else of the store."""

import asyncio
import os
import ssl
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from stowage_contracts.errors import GrantRefused, Unavailable
from stowage_contracts.grants import Grant
from stowage_contracts.parts import part_of_offset

_SECONDS = 30


class GrantClient(Protocol):
    """Reads and writes through grants of one scheme; raises GrantRefused where one does not let."""

    enforces: bool
    """The store itself refuses expired grants and the wrong direction (a path can't)."""

    async def read(self, grant: Grant, offset: int, length: int) -> bytes:
        """``length`` bytes from ``offset``."""
        ...

    async def write(self, grant: Grant, offset: int, data: bytes) -> None:
        """Bytes at ``offset``; for a multipart grant exactly one of its parts."""
        ...


class FileClient:
    """Opens ``file:`` grants."""

    enforces = False

    async def read(self, grant: Grant, offset: int, length: int) -> bytes:
        """From the object's path."""
        return await asyncio.to_thread(self._read, _path(grant), offset, length)

    async def write(self, grant: Grant, offset: int, data: bytes) -> None:
        """Into the part's path."""
        await asyncio.to_thread(self._write, _path(grant), offset, data)

    def _read(self, path: Path, offset: int, length: int) -> bytes:
        with path.open("rb") as file:
            return os.pread(file.fileno(), length, offset)

    def _write(self, path: Path, offset: int, data: bytes) -> None:
        try:
            with path.open("r+b") as file:
                os.pwrite(file.fileno(), data, offset)
        except FileNotFoundError:
            raise GrantRefused("the part is gone", resource=str(path)) from None


class HttpClient:
    """Opens ``http:`` and ``https:`` grants: ranged GETs, and PUTs of single parts."""

    enforces = True

    def __init__(self, ca_bundle: str = "") -> None:
        self._tls = ssl.create_default_context(cafile=ca_bundle or None)

    async def read(self, grant: Grant, offset: int, length: int) -> bytes:
        """By a Range header; whoever ignores it is found out."""
        told = {name: value.get_secret_value() for name, value in grant.headers.items()}
        headers = told | {"Range": f"bytes={offset}-{offset + length - 1}"}
        if grant.size == 0 or length == 0:
            headers = told
        return await asyncio.to_thread(self._call, "GET", _uri(grant), headers)

    async def write(self, grant: Grant, offset: int, data: bytes) -> None:
        """PUT the part that begins at ``offset``."""
        number = part_of_offset(offset, grant.part_size, grant.part_growth)
        urls = {part.number: part.url.get_secret_value() for part in grant.parts}
        await asyncio.to_thread(self._call, "PUT", urls[number], {}, data)

    def _call(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None = None
    ) -> bytes:
        at = urlsplit(url)
        connection = HTTPConnection(at.netloc, timeout=_SECONDS)
        if at.scheme == "https":
            connection = HTTPSConnection(at.netloc, timeout=_SECONDS, context=self._tls)
        try:
            connection.request(method, f"{at.path}?{at.query}", body, headers)
            return _content(connection.getresponse(), ranged="Range" in headers)
        finally:
            connection.close()


def client_for(scheme: str) -> GrantClient:
    """The client of a scheme; raises Unavailable for one that needs a client of its own."""
    if scheme == "file":
        return FileClient()
    if scheme in ("http", "https"):
        return HttpClient()
    raise Unavailable(f"give a grant_client fixture for {scheme!r}", resource=scheme)


def _uri(grant: Grant) -> str:
    if grant.uri is None:
        raise GrantRefused("the grant has no uri")
    return grant.uri.get_secret_value()


def _path(grant: Grant) -> Path:
    return Path(unquote(urlsplit(_uri(grant)).path))


def _content(response: HTTPResponse, *, ranged: bool) -> bytes:
    content = response.read()
    if response.status in (401, 403, 404, 413):
        raise GrantRefused(f"answered {response.status}")
    if response.status not in ((206,) if ranged else (200, 201)):
        raise Unavailable(f"answered {response.status}")
    return content
