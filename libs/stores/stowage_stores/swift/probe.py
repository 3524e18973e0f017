"""Proves by doing that a container can serve as a store."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from pydantic import SecretStr
from stowage_contracts.errors import NotFound, StowageError, Unavailable
from stowage_contracts.keys import RESERVED
from stowage_contracts.views import ProbeCheck

from stowage_stores.swift.container import Container, Maker
from stowage_stores.swift.errors import translated
from stowage_stores.swift.http import Answer, Ask, Wire
from stowage_stores.swift.limits import Shape
from stowage_stores.swift.tempurl import Link, TempUrls
from stowage_stores.swift.writes import NoSession, Write, Writes

_BYTES = 4096
_SECONDS = 60
_WRITER = "probe.1"
_SKEW = 60


class Probe:
    """One probe, with an object of its own that no listing shows."""

    def __init__(self, container: Container, writes: Writes, links: TempUrls) -> None:
        self._container, self._writes, self._links = container, writes, links
        self._key = f"{RESERVED}/probe-{secrets.token_hex(8)}"
        self._bytes = secrets.token_bytes(_BYTES)
        self._write: Write | None = None

    async def run(self) -> tuple[ProbeCheck, ...]:
        """A row per check; what needs a failed one is not tried."""
        checks: list[ProbeCheck] = []
        try:
            for name, work in self._steps():
                checks.append(await self._check(name, work))
                if not checks[-1].ok:
                    break
        finally:
            await self._tidy()
        return tuple(checks)

    def _steps(self) -> tuple[tuple[str, Callable[[], Awaitable[None]]], ...]:
        return (
            ("auth", self._auth),
            ("container", self._reach),
            ("list", self._list),
            ("temp_url_key", self._links.leave_key),
            ("put", self._begin),
            ("temp_url_put", self._put),
            ("large_object", self._large),
            ("temp_url_get", self._get),
            ("delete", self._delete),
        )

    async def _check(self, name: str, work: Callable[[], Awaitable[None]]) -> ProbeCheck:
        try:
            async with asyncio.timeout(4 * self._container.settings.timeout_seconds):
                await work()
        except StowageError as error:
            code = error.code.rpartition(".")[2]
            return ProbeCheck(name=name, ok=False, code=code, cause=error.cause)
        except (NoSession, TimeoutError) as error:
            return ProbeCheck(name=name, ok=False, code="timeout", cause=type(error).__name__)
        return ProbeCheck(name=name, ok=True)

    async def _auth(self) -> None:
        settings, connection = self._container.settings, self._container.connection
        await connection.call(Ask("HEAD"), settings.auth_url)
        await connection.limits()

    async def _reach(self) -> None:
        """The container is there, and both clocks agree: links live by them."""
        name = self._container.settings.container
        answer = await self._container.connection.call(Ask("HEAD", f"/{name}"), name, 404)
        if not answer.good:
            raise Unavailable("there is no such container", resource=name, code="container")
        if "Date" not in answer.headers:
            return
        theirs = parsedate_to_datetime(answer.headers["Date"])
        off = abs((datetime.now(UTC) - theirs).total_seconds())
        if off > _SKEW:
            raise Unavailable(f"the clocks differ by {off:.0f} s", code="clock_skew")

    async def _list(self) -> None:
        async for _ in self._container.list(""):
            break

    async def _begin(self) -> None:
        self._write = await self._writes.begin(self._key, _WRITER, Shape(_BYTES))

    async def _put(self) -> None:
        (part,) = await self._writes.urls(self._live, [1], _SECONDS)
        await self._http(part.url, self._bytes)
        if [done.size for done in await self._writes.whole(self._live, _BYTES)] != [_BYTES]:
            raise Unavailable("the part put is not there", code="parts")

    async def _large(self) -> None:
        write = self._live
        parts = [(self._writes.part(write, p.number), p) for p in await self._writes.parts(write)]
        await self._writes.shut(write)
        await self._container.make(Maker(self._key, _WRITER, write.session), parts)
        held = await self._container.head(self._key)
        if (held.stat.size, held.writer, held.large) != (_BYTES, _WRITER, True):
            raise Unavailable("size, metadata or segments are not kept", code="large_object")

    async def _get(self) -> None:
        key, path = await self._links.key(), self._container.path(self._key)
        answer = await self._http(await self._links.link(Link("GET", path, _SECONDS, key)), b"")
        if answer.status != 206 or answer.body != self._bytes[1:-1]:
            raise Unavailable("other bytes were read than written", code="bytes")

    async def _delete(self) -> None:
        await self._container.remove_large(self._key)
        with suppress(NotFound):
            await self._container.head(self._key)
            raise Unavailable("a deleted object is still there", code="delete")

    @property
    def _live(self) -> Write:
        if self._write is None:
            raise Unavailable("no write was begun", code="put")
        return self._write

    async def _http(self, url: SecretStr, data: bytes) -> Answer:
        """As an agent would; a GET asks for a range."""
        settings = self._container.settings
        wire = Wire(settings.ca_bundle, settings.timeout_seconds)
        method, headers = ("PUT", {}) if data else ("GET", {"Range": f"bytes=1-{_BYTES - 2}"})
        try:
            with translated(settings.container):
                ask = Ask(method, headers=headers, body=data)
                answer = await wire.send(ask, url.get_secret_value(), {})
        finally:
            await wire.aclose()
        if not answer.good:
            raise Unavailable(f"{method} answered {answer.status}", code="temp_url")
        return answer

    async def _tidy(self) -> None:
        if self._write is None:
            return
        with suppress(StowageError):  # its failure was a row already
            await self._container.remove(self._key)
            await self._writes.drop(self._write)
