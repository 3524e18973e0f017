"""A multipart upload as a destination: parts PUT to presigned URLs, checked by their ETags."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
from stowage_contracts.errors import GrantRefused, OutOfSpace, StowageError, Unavailable
from stowage_contracts.grants import Grant
from stowage_contracts.plugins.transport import PartSource, TransportSettings, WriteShape
from stowage_contracts.values import Range
from yarl import URL

from hypervisor_agent.engine.ranges import merge
from hypervisor_agent.engine.stall import Moved, stall_limit
from hypervisor_agent.engine.threads import Threads
from hypervisor_agent.engine.zeros import ZEROS
from hypervisor_agent.transports.http_client import dropped, new_session
from hypervisor_agent.transports.http_parts import PartUrls

SLICE = 256 * 1024
RETRY_SECONDS = (0.2, 1.0, 3.0)
_MD5 = re.compile(r"^[0-9a-f]{32}$")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_FULL = {"QuotaExceeded", "InsufficientStorage", "EntityTooLarge"}
_AGAIN = {"RequestTimeout", "SlowDown", "InternalError", "ServiceUnavailable", "OperationAborted"}


@dataclass(frozen=True)
class Body:
    """One part's bytes, which can be sent more than once."""

    number: int
    length: int
    md5: str
    view: memoryview | None
    """None for zeros."""

    async def slices(self, moved: Moved) -> AsyncIterator[memoryview]:
        """The bytes in order; each slice asked for shows that the last one went out."""
        with memoryview(ZEROS) as zeros:
            for at in range(0, self.length, SLICE):
                end = min(at + SLICE, self.length)
                moved()
                yield zeros[: end - at] if self.view is None else self.view[at:end]


class HttpWriter:
    """PUTs whole parts."""

    sparse = False

    def __init__(
        self, grant: Grant, shape: WriteShape, parts: PartSource, settings: TransportSettings
    ) -> None:
        self.part_size, self.sent = grant.part_size, 0
        self._session_id, self._shape = grant.session, shape
        self._done = {part.number: part for part in grant.done}
        last = max(1, -(-shape.size // grant.part_size))
        self._urls = PartUrls(parts, grant.parts, last)
        self._session = new_session(settings.connections + 2)
        self._threads = Threads(2, "part-digest")
        self._zero_md5: dict[int, str] = {}

    async def journal(self) -> tuple[Range, ...]:
        """Parts the store holds with the length they must have."""
        ranges = (self._range(number) for number in self._done)
        return merge(r for r in ranges if r and self._done[self._number(r)].size == r.length)

    async def recall(self, offset: int, buffer: memoryview) -> bool:
        """Parts of an unfinished upload can't be read."""
        return False

    async def holds(self, offset: int, buffer: memoryview) -> bool:
        """Whether the part's ETag is the MD5 of these bytes."""
        part = self._done.get(offset // self.part_size + 1)
        return part is not None and part.etag.strip('"') == await self._md5(buffer)

    async def write(self, offset: int, buffer: memoryview) -> None:
        """PUT one part; renews an expired URL once, tries again what may pass."""
        number = offset // self.part_size + 1
        await self._put(Body(number, len(buffer), await self._md5(buffer), buffer))
        self.sent += len(buffer)

    async def zero(self, extent: Range) -> None:
        """PUT zeros: objects have no holes."""
        for at in range(extent.offset, extent.end, self.part_size):
            length = min(self.part_size, extent.end - at)
            if length not in self._zero_md5:
                self._zero_md5[length] = await self._threads.run(_md5_of_zeros, length)
            number = at // self.part_size + 1
            await self._put(Body(number, length, self._zero_md5[length], None))
            self.sent += length

    async def finish(self) -> str:
        """Every PUT was answered, so every part is durable."""
        return self._session_id

    async def close(self, *, keep: bool = True) -> None:
        """Close connections; the upload itself belongs to the grant's owner."""
        self._threads.close()
        await self._session.close()

    def _number(self, extent: Range) -> int:
        return extent.offset // self.part_size + 1

    def _range(self, number: int) -> Range | None:
        offset = (number - 1) * self.part_size
        length = min(self.part_size, self._shape.size - offset)
        return Range(offset=offset, length=length) if length > 0 else None

    async def _md5(self, buffer: memoryview) -> str:
        return await self._threads.run(
            lambda: hashlib.md5(buffer, usedforsecurity=False).hexdigest()
        )

    async def _put(self, body: Body) -> None:
        for pause in RETRY_SECONDS:
            try:
                await self._put_renewing(body)
                return
            except Unavailable:
                await asyncio.sleep(pause)
        await self._put_renewing(body)

    async def _put_renewing(self, body: Body) -> None:
        url = await self._urls.get(body.number)
        try:
            await self._put_once(body, url.get_secret_value())
        except GrantRefused:
            self._urls.forget(url)
            fresh = await self._urls.get(body.number)
            await self._put_once(body, fresh.get_secret_value())

    async def _put_once(self, body: Body, url: str) -> None:
        name = f"part {body.number}"
        try:
            async with (
                stall_limit(self._shape.stall_seconds, name) as moved,
                self._session.put(
                    URL(url, encoded=True), data=body.slices(moved), allow_redirects=False,
                    headers={"Content-Length": str(body.length)},
                ) as answer,
            ):  # fmt: skip
                if answer.status not in {200, 201, 204}:
                    raise _refusal(answer.status, await answer.text(errors="replace"), name)
                etag = answer.headers.get("ETag", "").strip('"')
        except (aiohttp.ClientError, ConnectionError, TimeoutError) as error:
            raise dropped(error, name) from None
        if _MD5.match(etag) and etag != body.md5:
            raise Unavailable("the store received other bytes", resource=name, code="corrupt")


def _refusal(status: int, text: str, name: str) -> StowageError:
    match = _CODE.search(text[:4096])
    code = match[1] if match else ""
    cause = f"the store answered {status} {code}".strip()
    if status == 507 or code in _FULL:
        hint = "free space on the store or raise its quota"
        return OutOfSpace(cause, resource=name, hint=hint)
    if status >= 500 or status in {408, 425, 429} or code in _AGAIN:
        return Unavailable(cause, resource=name, code="store", hint="it is tried again by itself")
    return GrantRefused(cause, resource=name, code="part")


def _md5_of_zeros(length: int) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with memoryview(ZEROS) as zeros:
        for at in range(0, length, len(ZEROS)):
            digest.update(zeros[: min(len(ZEROS), length - at)])
    return digest.hexdigest()
