"""S3Driver: ImageStoreDriver on a bucket."""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from stowage_contracts.errors import Conflict, GrantRefused, InvalidInput, NotFound, SourceChanged
from stowage_contracts.grants import Grant, PartUrl
from stowage_contracts.keys import check_key, check_writer, is_key
from stowage_contracts.plugins.image_store_driver import (
    Capacity,
    CommitAsk,
    CopyAsk,
    DriverAbilities,
    ObjectStat,
    OpenWrite,
    ReadAsk,
    RevokeAsk,
    WriteAsk,
)
from stowage_contracts.views import ProbeCheck

from stowage_stores.completeness import check_complete
from stowage_stores.locks import KeyLocks
from stowage_stores.s3.bucket import Bucket, NoSession, Upload
from stowage_stores.s3.connection import S3Connection
from stowage_stores.s3.copies import Copies
from stowage_stores.s3.notes import Notes
from stowage_stores.s3.parts import part_count, part_growth, part_size
from stowage_stores.s3.probe import Probe

_URLS = 500
"""Most part URLs in one grant: they travel in one reply."""


class S3Driver:
    """One bucket. Objects are written as multipart uploads only: a late part finds nothing."""

    def __init__(self, connection: S3Connection) -> None:
        self._settings = connection.settings
        self.bucket = Bucket(connection)
        self._copies, self._notes = Copies(self.bucket), Notes(self.bucket)
        self._commits = KeyLocks()
        self.can = DriverAbilities(
            schemes=(self._settings.scheme,),
            multipart=True,
            max_object_bytes=self._settings.max_object_bytes,
            copies=True,
            server=self._settings.server,
            notes=True,
            lists_writes=True,
            unknown_length=True,
            expires=True,
        )

    async def probe(self) -> tuple[tuple[ProbeCheck, ...], Capacity]:
        """List, put, get, multipart, presigned URLs, delete: each a row with its own code."""
        return await Probe(self.bucket).run(), Capacity()

    async def stat(self, key: str) -> ObjectStat:
        """Raises NotFound."""
        return (await self.bucket.head(check_key(key))).stat

    async def list(self, prefix: str = "") -> AsyncIterator[ObjectStat]:
        """In the order of the keys' bytes."""
        async for found in self.bucket.list(prefix):
            yield found

    async def delete(self, key: str) -> None:
        """Idempotent; takes the note and abandoned uploads of the key along."""
        await self.bucket.delete(check_key(key))
        await self._notes.delete(key)
        await self.bucket.abort_abandoned(key)

    async def grant(self, ask: ReadAsk | WriteAsk) -> Grant:
        """Presigned URLs; a write names its session, its journal and the parts asked for."""
        check_key(ask.key)
        seconds = min(ask.seconds, self._settings.longest_grant_seconds)
        expires = datetime.now(UTC) + timedelta(seconds=seconds)
        if isinstance(ask, WriteAsk):
            return await self._write_grant(ask, seconds, expires)
        found = (await self.bucket.head(ask.key)).check_live().stat
        url = await self.bucket.read_url(ask.key, seconds)
        return Grant(uri=url, size=found.size, validator=found.validator, expires=expires)

    async def commit(self, ask: CommitAsk) -> ObjectStat:
        """Complete the upload; after a lost reply the object and its writer are read instead."""
        check_key(ask.key), check_writer(ask.writer)
        async with self._commits.hold(ask.key):
            done = await self._completed(ask)
        if done.size != ask.size:
            raise Conflict("the object has another size", resource=ask.key, code="size")
        return done

    async def revoke(self, ask: RevokeAsk) -> None:
        """Abort the upload; a completed one is not there any more and its object stays."""
        check_key(ask.key), check_writer(ask.writer)
        if ask.session:
            await self.bucket.abort(Upload(ask.key, ask.session))

    def can_copy(self, source: str) -> str:
        """'' for a key of this store and ``s3://bucket/key`` on its server."""
        return self._copies.refusal(source)

    def key_of(self, source: str) -> str | None:
        """The key of this store that ``source`` names; None when it lies elsewhere."""
        return self._copies.key_of(source)

    def uri_of(self, key: str) -> str:
        """``s3://bucket/key``."""
        return self._copies.uri_of(key)

    async def copy(self, ask: CopyAsk) -> ObjectStat:
        """By the server alone; after a lost reply the object and its writer are read instead."""
        check_key(ask.key), check_writer(ask.writer)
        async with self._commits.hold(ask.key):
            made = await self._made_by(ask.key, ask.writer)
            if made is not None:
                return made
            return await self._copied(ask)

    async def write_note(self, key: str, text: str) -> None:
        """Replace the note of ``key``."""
        await self._notes.write(key, text)

    async def read_note(self, key: str) -> str:
        """Raises NotFound."""
        return await self._notes.read(key)

    async def writes(self) -> AsyncIterator[OpenWrite]:
        """Every open multipart upload; the server does not tell who began it."""
        async for found in self.bucket.uploads():
            if is_key(found.key):
                yield found

    async def aclose(self) -> None:
        """Close connections; idempotent."""
        await self.bucket.aclose()

    async def _write_grant(self, ask: WriteAsk, seconds: int, expires: datetime) -> Grant:
        if (ask.size or 0) > self._settings.max_object_bytes:
            raise InvalidInput("larger than S3 takes", resource=ask.key, code="too_large")
        each = part_size(ask.size, self._settings.part_bytes)
        growth = part_growth(ask.size, each, self._settings.max_object_bytes)
        blank = Grant(
            writes=True, size=ask.size, part_size=each, part_growth=growth, expires=expires
        )
        upload = Upload(ask.key, ask.session)
        if ask.session and ask.first_part > 1:  # where the write is over they reach nothing
            urls = await self._urls(ask, each, upload, seconds)
            return blank.model_copy(update={"session": upload.session, "parts": urls})
        if await self._made_by(ask.key, check_writer(ask.writer)):
            return blank.model_copy(update={"session": ask.session})
        try:
            if not ask.session:
                upload = await self.bucket.begin(ask.key, ask.writer)
            done = await self.bucket.parts(upload) if ask.session else ()
        except NoSession:
            raise GrantRefused("the upload was aborted", resource=ask.key, code="gone") from None
        urls = await self._urls(ask, each, upload, seconds)
        return blank.model_copy(update={"session": upload.session, "parts": urls, "done": done})

    async def _urls(
        self, ask: WriteAsk, each: int, upload: Upload, seconds: int
    ) -> tuple[PartUrl, ...]:
        last = min(part_count(ask.size, each), ask.first_part + min(ask.part_count, _URLS) - 1)
        numbers = range(ask.first_part, last + 1)
        return await self.bucket.part_urls(upload, numbers, seconds)

    async def _copied(self, ask: CopyAsk) -> ObjectStat:
        try:
            await self._copies.copy(ask)
        except SourceChanged:  # or the key was taken meanwhile: servers answer both alike
            if await self._made_by(ask.key, ask.writer) is None:
                raise
        made = await self._made_by(ask.key, ask.writer)
        if made is None:
            raise NotFound("the copy is not there", resource=ask.key)
        return made

    async def _completed(self, ask: CommitAsk) -> ObjectStat:
        made = await self._made_by(ask.key, ask.writer)
        if made is not None:
            return made
        upload = Upload(ask.key, ask.session)
        with suppress(NoSession):  # completed by an earlier call, or never begun: the key tells
            done = await self._complete(upload, ask.size)
            if done.validator:
                return done
        made = await self._made_by(ask.key, ask.writer)
        if made is None:
            raise NotFound("nothing to commit", resource=ask.key)
        return made

    async def _complete(self, upload: Upload, size: int) -> ObjectStat:
        if not upload.session:
            raise NoSession
        parts = await self.bucket.parts(upload)
        if not parts and size == 0:
            await self.bucket.put_empty_part(upload)
            parts = await self.bucket.parts(upload)
        check_complete(parts, size, upload.key)
        etag = await self.bucket.complete(upload, parts)
        return ObjectStat(key=upload.key, size=size, validator=etag)

    async def _made_by(self, key: str, writer: str) -> ObjectStat | None:
        """The object if ``writer`` made it, None if the key is free; raises Conflict."""
        try:
            found = await self.bucket.head(key)
        except NotFound:
            return None
        if found.writer != writer:
            raise Conflict("the key exists", resource=key, code="exists")
        return found.stat
