"""Proves by doing that a bucket can serve as a store."""

import asyncio
import secrets
import ssl
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import aiohttp
from pydantic import SecretStr
from stowage_contracts.errors import NotFound, StowageError, Unavailable
from stowage_contracts.keys import RESERVED
from stowage_contracts.plugins.image_store_driver import CopyAsk
from stowage_contracts.views import ProbeCheck

from stowage_stores.s3.bucket import WRITER, Bucket, NoSession, Upload
from stowage_stores.s3.copies import Copies
from stowage_stores.s3.errors import from_presigned, translated
from stowage_stores.s3.findings import Findings
from stowage_stores.s3.notes import Notes

_BYTES = 4096
_SECONDS = 60
_NAMED = 5
_GROUPS = {"public-read": {"AllUsers"}, "authenticated-read": {"AuthenticatedUsers"}}


def _hour() -> int:
    return int(time.time()) // 3600


class Probe:
    """One probe, with an object of its own that no listing shows."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._name = f"probe-{_hour():x}-{secrets.token_hex(8)}"
        self._key = f"{RESERVED}/{self._name}"
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
        if checks[-1].ok:
            checks += await Findings(self._bucket).rows()
        return tuple(checks)

    def _steps(self) -> tuple[tuple[str, Callable[[], Awaitable[None]]], ...]:
        return (
            ("list", self._list),
            ("begin", self._begin),
            ("presigned_put", self._put),
            ("multipart", self._complete),
            ("presigned_get", self._get),
            *((("acl", self._acl),) if self._bucket.settings.acl else ()),
            ("copy", self._copy),
            ("note", self._note),
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
        try:
            async for _ in self._bucket.list(""):
                break
        except Unavailable as error:
            if error.code == "unavailable.bucket":
                error.cause += await self._buckets()
            raise

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
        await self._sweep()

    async def _acl(self) -> None:
        asked = self._bucket.settings.acl
        client = await self._bucket.client()
        with translated(self._key):
            told = await client.get_object_acl(**self._bucket.at(self._key))
        groups = {grant["Grantee"].get("URI", "").rpartition("/")[2] for grant in told["Grants"]}
        if not _GROUPS.get(asked, set()) <= groups:
            raise Unavailable(f"the server did not apply the ACL {asked!r}", code="acl")

    async def _copy(self) -> None:
        at, key = self._bucket.at(self._key), f"{self._key}-copy"
        ask = CopyAsk(source=f"s3://{at['Bucket']}/{at['Key']}", key=key, writer=WRITER)
        await Copies(self._bucket).copy(ask)
        found = await self._bucket.head(key)
        await self._bucket.delete(key)
        if (found.stat.size, found.writer) != (_BYTES, WRITER):
            raise Unavailable("a copy has another size or writer", code="copy")

    async def _note(self) -> None:
        notes = Notes(self._bucket)
        await notes.write(self._name, self._name)
        told = await notes.read(self._name)
        await notes.delete(self._name)
        if told != self._name:
            raise Unavailable("another text was read than written", code="note")

    async def _buckets(self) -> str:
        client = await self._bucket.client()
        with translated(self._bucket.resource):
            found = (await client.list_buckets()).get("Buckets", [])
        names = ", ".join([bucket["Name"] for bucket in found[:_NAMED]])
        return f"; this access key's buckets: {names or 'none'}"

    async def _sweep(self) -> None:
        """Remove what probes left that crashed an hour ago or longer."""
        crashed = f"{RESERVED}/probe-"
        for key in [key async for key in self._bucket.own(crashed)]:
            hour = key.removeprefix(crashed).partition("-")[0]
            if int(hour, 16) < _hour() - 1:
                await self._bucket.delete(key)
        await self._bucket.abort_abandoned(crashed, exactly=False)

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
                body = await answer.read()
                if answer.status != (200 if data else 206):
                    raise from_presigned(answer.status, body, self._key)
                return body
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable(
                f"{method} failed: {type(error).__name__}", code="presigned"
            ) from None

    async def _tidy(self) -> None:
        if self._upload is None:
            return
        with suppress(StowageError):  # its failure was a row already
            await self._bucket.abort(self._upload)
            for key in (self._key, f"{self._key}-copy", f"{RESERVED}/notes/{self._name}"):
                await self._bucket.delete(key)
