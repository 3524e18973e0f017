"""Container: the objects of one store, under one prefix."""

import hashlib
import json
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from stowage_contracts.errors import Conflict, InvalidInput, NotFound, Unavailable
from stowage_contracts.grants import PartDone
from stowage_contracts.keys import RESERVED, is_key
from stowage_contracts.plugins.image_store_driver import ObjectStat

from stowage_stores.swift.connection import SwiftConnection
from stowage_stores.swift.http import Ask

WRITER = "X-Object-Meta-Stowage-Writer"
SESSION = "X-Object-Meta-Stowage-Session"
PATIENCE = 30
"""How much longer a server may need that looks at every segment, or copies one."""
_TOLD = re.compile(r"stowage-size=(\d+); stowage-etag=([0-9a-f]{32})")
_LAST = "\U0010ffff"


@dataclass(frozen=True)
class Held:
    """An object, and which write made it."""

    stat: ObjectStat
    writer: str
    session: str
    large: bool
    """It is a manifest of segments."""


@dataclass(frozen=True)
class Maker:
    """Who makes an object."""

    key: str
    writer: str
    session: str = ""


class Container:
    """Calls on one container; keys are without the store's prefix."""

    def __init__(self, connection: SwiftConnection) -> None:
        self.connection, self.settings = connection, connection.settings

    def path(self, key: str) -> str:
        """Below the account, unquoted."""
        if self._elsewhere(key):
            return f"/{key}"
        return f"/{self.settings.container}/{self.settings.prefix}{key}"

    def _elsewhere(self, key: str) -> bool:
        """Whether its first part is another container of the account."""
        container, slash, _ = key.partition("/")
        others = self.settings.others
        return bool(others and slash and re.fullmatch(others, container))

    async def head(self, key: str) -> Held:
        """Raises NotFound."""
        return await self.head_at(self.path(key), key)

    async def head_at(self, path: str, key: str) -> Held:
        """The same of any object of the account. Raises NotFound."""
        told = (await self.connection.call(Ask("HEAD", path), key)).headers
        size, etag = int(told.get("Content-Length", "0")), _quoted(told.get("ETag", ""))
        large = told.get("X-Static-Large-Object", "").lower() == "true"
        stat = ObjectStat(key=key, size=size, validator=etag)
        return Held(stat, told.get(WRITER, ""), told.get(SESSION, ""), large)

    async def get(self, key: str) -> bytes:
        """The whole of a small object. Raises NotFound."""
        return (await self.connection.call(Ask("GET", self.path(key)), key)).body

    async def put(self, key: str, body: bytes) -> None:
        """A small object, replaced if it is there."""
        told = {"Content-Type": "application/json; charset=utf-8"}
        answer = await self.connection.call(Ask("PUT", self.path(key), {}, told, body), key, 404)
        if not answer.good:
            raise self._missing()

    async def remove(self, key: str) -> None:
        """Of an object without segments; idempotent."""
        await self.connection.call(Ask("DELETE", self.path(key)), key, 404)

    async def remove_large(self, key: str) -> None:
        """A manifest and all its segments. Raises Unavailable while some are left."""
        told = {"Accept": "application/json"}
        query = {"multipart-manifest": "delete"}
        ask = Ask("DELETE", self.path(key), query, told, patience=PATIENCE)
        answer = await self.connection.call(ask, key, 404)
        report = _report(answer.body)
        if answer.good and report.get("Errors"):
            failed = str(report.get("Response Status", ""))[:100]
            raise Unavailable(f"segments are left: {failed}", resource=key, code="store")

    async def list(self, prefix: str) -> AsyncIterator[ObjectStat]:
        """Objects below ``prefix``; names that can't be keys are not ours and left out. Other
        containers are only listed by a prefix that begins with their name."""
        if self._elsewhere(f"{prefix}/"):
            async for found in self._others(prefix):
                yield found
            return
        start = self.settings.prefix
        reserved = f"{start}{RESERVED}/"
        async for row in self.rows(self.settings.container, start + prefix, skip=reserved):
            key = row["name"].removeprefix(start)
            if is_key(key):
                yield _listed(key, row)

    async def _others(self, prefix: str) -> AsyncIterator[ObjectStat]:
        container, _, start = prefix.partition("/")
        try:
            async for row in self.rows(container, start):
                if is_key(key := f"{container}/{row['name']}"):
                    yield _listed(key, row)
        except Unavailable as error:
            if error.code != "unavailable.container":  # that one is only not there
                raise

    async def rows(
        self, container: str, prefix: str = "", *, skip: str = ""
    ) -> AsyncIterator[dict[str, Any]]:
        """Rows of a listing, by name; none below ``skip``. Raises Unavailable (``container``)."""
        marker = ""
        while True:
            query = {"format": "json", "limit": str(self.settings.page), "prefix": prefix}
            ask = Ask("GET", f"/{container}", query | {"marker": marker})
            answer = await self.connection.call(ask, container, 404)
            if answer.status == 404:
                raise self._missing(container)
            page = [row for row in json.loads(answer.body or b"[]") if "name" in row]
            for row in page:
                if skip and row["name"].startswith(skip):
                    marker = skip + _LAST
                    break
                yield row
                marker = row["name"]
            if not page:
                return

    async def make(self, maker: Maker, parts: Sequence[tuple[str, PartDone]]) -> None:
        """An object of segments (paths with what they hold), or an empty one of none.

        Raises Conflict when another is there or segments are others than said.
        """
        size = sum(part.size for _, part in parts)
        told = {WRITER: maker.writer, SESSION: maker.session}
        told["Content-Type"] = "application/octet-stream"
        if parts:
            told["Content-Type"] += f"; stowage-size={size}; stowage-etag={_whole_etag(parts)}"
        if self.settings.conditional_commit:
            told["If-None-Match"] = "*"
        query = {"multipart-manifest": "put"} if parts else {}
        body = _manifest(parts) if parts else b""
        ask = Ask("PUT", self.path(maker.key), query, told, body, PATIENCE)
        try:
            await self.connection.call(ask, maker.key)
        except NotFound:
            raise self._missing() from None
        except InvalidInput as error:  # the server compares every segment with the manifest
            raise Conflict(error.cause, resource=maker.key, code="parts") from None

    def _missing(self, container: str = "") -> Unavailable:
        return Unavailable(
            "there is no such container",
            resource=container or self.settings.container,
            code="container",
            hint="create the container, correct its name, or set create",
        )


def etag_of(text: str) -> str:
    """MD5 as ETags have it."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _whole_etag(parts: Sequence[tuple[str, PartDone]]) -> str:
    return etag_of("".join(part.etag for _, part in parts))


def _manifest(parts: Sequence[tuple[str, PartDone]]) -> bytes:
    rows = [{"path": at, "etag": part.etag, "size_bytes": part.size} for at, part in parts]
    return json.dumps(rows).encode()


def _listed(key: str, row: dict[str, Any]) -> ObjectStat:
    """Listings of Ceph tell length and digest of the manifest itself, so the type tells ours."""
    if told := _TOLD.search(row.get("content_type", "")):
        return ObjectStat(key=key, size=int(told[1]), validator=_quoted(told[2]))
    etag = row.get("slo_etag") or row.get("hash", "")
    return ObjectStat(key=key, size=row["bytes"], validator=_quoted(etag))


def _quoted(etag: str) -> str:
    plain = etag.strip('"')
    return f'"{plain}"' if plain else ""


def _report(body: bytes) -> dict[str, Any]:
    """What a bulk deletion says of itself; Ceph's is empty when asked for JSON."""
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
