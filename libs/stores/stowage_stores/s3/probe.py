"""Proves by doing that a bucket can serve as a store."""

import asyncio
import secrets
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress

import aiohttp
from pydantic import SecretStr
from stowage_contracts.errors import NotFound, StowageError, Unavailable
from stowage_contracts.keys import RESERVED
from stowage_contracts.views import ProbeCheck

from stowage_stores.s3.bucket import WRITER, Bucket, NoSession, Upload

_BYTES = 4096
_SECONDS = 60


class Probe:
    """One probe, with an object of its own that no listing shows."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._key = f"{RESERVED}/probe-{secrets.token_hex(8)}"
        self._bytes = secrets.token_bytes(_BYTES)
        self._upload: Upload | None = None

    async def run(self) -> tuple[ProbeCheck, ...]:
        """A row per check; what needs a failed one is not tried."""
        checks: list[ProbeCheck] = []
        try:
            for name, work in self._steps():
                checks.append(await self._check(name, work))
                if not checks[-1].ok and checks[-1].code != "denied":
                    break  # denied to list says nothing about the rest
                if name == "begin" and not checks[-1].ok:
                    break
        finally:
            await self._tidy()
        return tuple(checks)

    def _steps(self) -> tuple[tuple[str, Callable[[], Awaitable[None]]], ...]:
        return (
            ("list", self._list),
            ("begin", self._begin),
            ("presigned_put", self._put),
            ("multipart", self._complete),
            ("presigned_get", self._get),
            ("delete", self._delete),
        )

    async def _check(self, name: str, work: Callable[[], Awaitable[None]]) -> ProbeCheck:
        try:
            async with asyncio.timeout(4 * self._bucket.settings.timeout_seconds):
                await work()
        except StowageError as error:
            code = error.code.rpartition(".")[2]
            return ProbeCheck(name=name, ok=False, code=code, cause=error.cause)
        except (NoSession, TimeoutError) as error:
            return ProbeCheck(name=name, ok=False, code="timeout", cause=type(error).__name__)
        return ProbeCheck(name=name, ok=True)

    async def _list(self) -> None:
        async for _ in self._bucket.list(""):
            break

    async def _begin(self) -> None:
        self._upload = await self._bucket.begin(self._key, WRITER)

    async def _put(self) -> None:
        (part,) = await self._bucket.part_urls(self._live, [1], _SECONDS)
        await self._http("PUT", part.url, self._bytes)
        if [done.size for done in await self._bucket.parts(self._live)] != [_BYTES]:
            raise Unavailable("the part put is not listed", code="parts")

    async def _complete(self) -> None:
        await self._bucket.complete(self._live, await self._bucket.parts(self._live))
        found = await self._bucket.head(self._key)
        if (found.stat.size, found.writer) != (_BYTES, WRITER):
            raise Unavailable("size or metadata are not kept", code="metadata")

    async def _get(self) -> None:
        url = await self._bucket.read_url(self._key, _SECONDS)
        if await self._http("GET", url, None) != self._bytes[1:-1]:
            raise Unavailable("other bytes were read than written", code="bytes")

    async def _delete(self) -> None:
        await self._bucket.delete(self._key)
        with suppress(NotFound):
            await self._bucket.head(self._key)
            raise Unavailable("a deleted object is still there", code="delete")

    @property
    def _live(self) -> Upload:
        if self._upload is None:
            raise Unavailable("no upload was begun", code="begin")
        return self._upload

    async def _http(self, method: str, url: SecretStr, data: bytes | None) -> bytes:
        """As an agent would; a GET asks for a range."""
        headers = {} if data else {"Range": f"bytes=1-{_BYTES - 2}"}
        bundle = self._bucket.settings.ca_bundle
        tls = ssl.create_default_context(cafile=bundle) if bundle else True
        limit = aiohttp.ClientTimeout(total=self._bucket.settings.timeout_seconds)
        try:
            async with (
                aiohttp.ClientSession(timeout=limit) as session,
                session.request(
                    method, url.get_secret_value(), data=data, headers=headers, ssl=tls
                ) as answer,
            ):
                if answer.status != (200 if data else 206):
                    raise Unavailable(f"{method} answered {answer.status}", code="presigned")
                return await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable(
                f"{method} failed: {type(error).__name__}", code="presigned"
            ) from None

    async def _tidy(self) -> None:
        if self._upload is None:
            return
        with suppress(StowageError):  # its failure was a row already
            await self._bucket.abort(self._upload)
            await self._bucket.delete(self._key)
