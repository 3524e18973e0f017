"""A multipart upload as a destination: parts PUT to presigned URLs, checked by their ETags."""

import asyncio
import hashlib
from collections.abc import Callable
from functools import lru_cache, partial

from stowage_contracts.errors import GrantRefused, SourceChanged, Unavailable
from stowage_contracts.grants import Grant
from stowage_contracts.plugins.transport import PartSource, TransportSettings, WriteShape
from stowage_contracts.values import Range

from hypervisor_agent.engine.ranges import merge
from hypervisor_agent.engine.stall import Moved, stall_limit
from hypervisor_agent.engine.threads import Threads
from hypervisor_agent.engine.zeros import ZEROS
from hypervisor_agent.transports.http_client import new_session
from hypervisor_agent.transports.http_parts import PartUrls
from hypervisor_agent.transports.http_put import Slices, check_etag, pieces, put, zeros
from hypervisor_agent.transports.part_layout import Layout
from hypervisor_agent.transports.part_stream import PartStream

Body = Callable[[], Slices]
RETRY_SECONDS = (0.2, 1.0, 3.0)


class HttpWriter:
    """PUTs whole parts, long ones while they come."""

    sparse = False

    def __init__(
        self, grant: Grant, shape: WriteShape, parts: PartSource, settings: TransportSettings
    ) -> None:
        self.part_size, self.sent = grant.part_size, 0
        self._session_id, self._shape = grant.session, shape
        self._layout = Layout(grant.part_size, grant.part_growth, shape)
        self._done = {part.number: part for part in grant.done}
        self._urls = PartUrls(parts, grant.parts, self._layout.last)
        self._session = new_session(settings.connections + 2)
        self._threads = Threads(2, "part-digest")
        self._streams: dict[int, PartStream] = {}
        self._compared: dict[int, hashlib._Hash] = {}

    async def journal(self) -> tuple[Range, ...]:
        """Parts the store holds with the length they must have."""
        return merge(
            Range(offset=self._layout.offset(number), length=part.size)
            for number, part in self._done.items()
            if part.size == self._layout.length(number) > 0
        )

    async def recall(self, offset: int, buffer: memoryview) -> bool:
        """Parts of an unfinished upload can't be read."""
        return False

    async def holds(self, offset: int, buffer: memoryview) -> bool:
        """Whether the part's ETag is the MD5 of these bytes; True at its last slice only."""
        number, starts, ends = self._layout.place(offset, len(buffer))
        if starts:
            self._compared[number] = hashlib.md5(usedforsecurity=False)
        await self._threads.run(self._compared[number].update, buffer)
        if not ends:
            return False
        found = self._compared.pop(number).hexdigest()
        return number in self._done and self._done[number].etag.strip('"') == found

    async def write(self, offset: int, buffer: memoryview) -> None:
        """PUT one part, or the next slice of a long one."""
        number, starts, ends = self._layout.place(offset, len(buffer))
        if starts and ends:
            await self._put(number, partial(pieces, buffer), partial(_md5, buffer))
        else:
            await self._push(number, buffer, starts, ends)
        self.sent += len(buffer)

    async def zero(self, extent: Range) -> None:
        """PUT zeros: objects have no holes."""
        for number in self._layout.numbers(extent):
            length = self._layout.length(number)
            await self._put(number, partial(zeros, length), partial(_md5_of_zeros, length))
            self.sent += length

    def part_at(self, offset: int) -> int:
        """As the grant's parts grow."""
        return self._layout.length(self._layout.number(offset))

    async def ends(self, size: int) -> None:
        """Raises SourceChanged when the store holds parts beyond it: a commit would take them."""
        self._layout.size = size
        if any(number > self._layout.last for number in self._done):
            raise SourceChanged("parts of an earlier, longer version lie at the destination")

    async def finish(self) -> str:
        """Every PUT was answered, so every part is durable."""
        return self._session_id

    async def close(self, *, keep: bool = True) -> None:
        """Close connections; the upload itself belongs to the grant's owner."""
        for stream in self._streams.values():
            await stream.stop()
        self._threads.close()
        await self._session.close()

    async def _put(self, number: int, body: Body, digest: Callable[[], str]) -> None:
        """The digest is computed beside the sending; nobody needs it before the answer."""
        md5 = asyncio.create_task(self._threads.run(digest))
        try:
            for pause in RETRY_SECONDS:
                try:
                    return await self._put_once(number, body(), md5)
                except Unavailable:
                    await asyncio.sleep(pause)
            await self._put_once(number, body(), md5)
        finally:
            await asyncio.wait([md5])

    async def _put_once(self, number: int, body: Slices, md5: asyncio.Task[str]) -> None:
        etag = await self._send(number, body)
        check_etag(etag, await md5, f"part {number}")

    async def _send(self, number: int, body: Slices) -> str:
        """One PUT. A URL that has expired is forgotten; the first time that may pass."""
        name, url = f"part {number}", await self._urls.get(number)
        async with stall_limit(self._shape.stall_seconds, name) as moved:
            try:
                return await put(
                    self._session,
                    url.get_secret_value(),
                    _watched(body, moved),
                    self._layout.length(number),
                    name,
                )
            except GrantRefused as error:
                if self._urls.expired(number, url):
                    raise Unavailable(error.cause, resource=name, code="expired") from None
                raise

    async def _push(self, number: int, buffer: memoryview, starts: bool, ends: bool) -> None:
        if starts:
            await self._stop_stream(number)
            send = partial(self._send, number)
            self._streams[number] = PartStream(send, f"part {number}", self._threads)
        try:
            await self._streams[number].push(buffer)
            if ends:
                await self._streams[number].end()
        except BaseException:
            await self._stop_stream(number)
            raise
        if ends:
            del self._streams[number]

    async def _stop_stream(self, number: int) -> None:
        stream = self._streams.pop(number, None)
        if stream is not None:
            await stream.stop()


async def _watched(body: Slices, moved: Moved) -> Slices:
    """Each slice asked for shows that the last one went out."""
    async for piece in body:
        moved()
        yield piece


def _md5(view: memoryview) -> str:
    return hashlib.md5(view, usedforsecurity=False).hexdigest()


@lru_cache(maxsize=4)
def _md5_of_zeros(length: int) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    whole = memoryview(ZEROS)
    for at in range(0, length, len(ZEROS)):
        digest.update(whole[: min(len(ZEROS), length - at)])
    return digest.hexdigest()
