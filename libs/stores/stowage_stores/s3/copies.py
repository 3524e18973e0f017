"""Copies: objects copied by the server itself."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import ClientError
from stowage_contracts.errors import InvalidInput, NotFound, SourceChanged, StowageError
from stowage_contracts.grants import PartDone
from stowage_contracts.keys import check_key, is_key
from stowage_contracts.parts import count_of_parts
from stowage_contracts.plugins.image_store_driver import CopyAsk

from stowage_stores.s3.bucket import Bucket, Upload
from stowage_stores.s3.errors import code_of, translated
from stowage_stores.s3.parts import part_size

_URI = re.compile(r"s3://([^/]+)/(.+)", re.DOTALL)
_AT_ONCE = 4


@dataclass(frozen=True)
class Source:
    """What is copied: arguments that name it, and the very content meant."""

    at: dict[str, Any]
    size: int
    validator: str
    conditional: bool = True
    """Let the server check that the source is the same and the key free."""

    @property
    def asked(self) -> dict[str, Any]:
        """Arguments of a copying call."""
        only = {"CopySourceIfMatch": self.validator} if self.conditional else {}
        return {"CopySource": self.at, **only}


class Copies:
    """Up to 5 GiB in one call, which many servers answer without moving a byte; more in parts."""

    def __init__(self, bucket: Bucket, *, one_call: int = 5 << 30, step: int = 512 << 20) -> None:
        self._bucket, self._one_call, self._step = bucket, one_call, step

    def refusal(self, source: str) -> str:
        """Why ``source`` can't be copied here; '' when it can."""
        if "://" not in source or _URI.fullmatch(source):
            return ""
        return "only objects of this server (a key, or s3://bucket/key) can be copied"

    def key_of(self, source: str) -> str | None:
        """The key in this bucket, below this prefix, that a URI names."""
        key = source.removeprefix(self._home)
        return key if source.startswith(self._home) and is_key(key) else None

    def uri_of(self, key: str) -> str:
        """The URI that names a key of this bucket, below this prefix."""
        return self._home + key

    @property
    def _home(self) -> str:
        return f"s3://{self._bucket.settings.bucket}/{self._bucket.settings.prefix}"

    async def copy(self, ask: CopyAsk) -> None:
        """Make the object. Raises NotFound, SourceChanged, Conflict, InvalidInput."""
        source = await self._found(ask.source)
        try:
            await self._make(ask, source)
        except SourceChanged:  # Swift's s3api applies the key's condition to the source
            if await self._found(ask.source) != source or await self._is_taken(ask.key):
                raise
            await self._make(ask, replace(source, conditional=False))

    async def _make(self, ask: CopyAsk, source: Source) -> None:
        if source.size <= self._one_call:
            await self._in_one_call(ask, source)
        else:
            await self._in_parts(ask, source)

    async def _found(self, source: str) -> Source:
        at = self._at(source)
        head = await self._bucket.head_at(at, source)
        stat = head.check_live().stat
        return Source(at, stat.size, stat.validator)

    async def _is_taken(self, key: str) -> bool:
        try:
            await self._bucket.head(key)
        except NotFound:
            return False
        return True

    def _at(self, source: str) -> dict[str, Any]:
        if refusal := self.refusal(source):
            raise InvalidInput(refusal, resource=source, code="source")
        if match := _URI.fullmatch(source):
            return {"Bucket": match[1], "Key": match[2]}
        return self._bucket.at(check_key(source))

    async def _in_one_call(self, ask: CopyAsk, source: Source) -> None:
        client = await self._bucket.client()
        made = self._bucket.made(ask.key, ask.writer)
        made |= self._bucket.absent if source.conditional else {}
        with translated(ask.source), _unchanged(ask.source):
            await client.copy_object(**made, **source.asked, MetadataDirective="REPLACE")

    async def _in_parts(self, ask: CopyAsk, source: Source) -> None:
        """The source is looked at again before the end: not every server compares for parts."""
        upload = await self._bucket.begin(ask.key, ask.writer)
        try:
            parts = await self._copied(upload, source)
            if (await self._found(ask.source)).validator != source.validator:
                raise SourceChanged("the source changed meanwhile", resource=ask.source)
            await self._bucket.complete(upload, parts)
        except StowageError:
            with suppress(StowageError):  # listed as an open write then
                await self._bucket.abort(upload)
            raise

    async def _copied(self, upload: Upload, source: Source) -> list[PartDone]:
        each = part_size(source.size, self._step)
        turns = asyncio.Semaphore(_AT_ONCE)

        async def one(number: int) -> PartDone:
            async with turns:
                return await self._part(upload, source, number, each)

        numbers = range(1, count_of_parts(source.size, each) + 1)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(number)) for number in numbers]
        except* StowageError as errors:
            raise errors.exceptions[0] from None
        return [task.result() for task in tasks]

    async def _part(self, upload: Upload, source: Source, number: int, each: int) -> PartDone:
        client = await self._bucket.client()
        begin = (number - 1) * each
        end = min(begin + each, source.size)
        asked = {**self._bucket.at(upload.key), "UploadId": upload.session, **source.asked}
        with translated(upload.key), _unchanged(upload.key):
            done = await client.upload_part_copy(
                **asked, PartNumber=number, CopySourceRange=f"bytes={begin}-{end - 1}"
            )
        return PartDone(number=number, size=end - begin, etag=done["CopyPartResult"]["ETag"])


@contextmanager
def _unchanged(source: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if code_of(error) in ("PreconditionFailed", "412"):
            raise SourceChanged("the source changed meanwhile", resource=source) from None
        raise
