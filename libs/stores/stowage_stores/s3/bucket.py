"""Bucket: the S3 calls a driver makes, under one prefix, with errors translated."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from pydantic import SecretStr
from stowage_contracts.errors import Conflict, Unavailable
from stowage_contracts.grants import PartDone, PartUrl
from stowage_contracts.keys import is_key
from stowage_contracts.plugins.image_store_driver import ObjectStat

from stowage_stores.s3.connection import S3Connection
from stowage_stores.s3.errors import code_of, translated

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client

WRITER = "stowage-writer"
_ABANDONED = timedelta(days=1)
_GONE = ("NoSuchUpload", "NoSuchKey", "404")  # Ceph says NoSuchKey when parts are listed
_EXISTS = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")


class NoSession(Exception):
    """The multipart upload is not there: completed, aborted or never begun."""


@dataclass(frozen=True)
class Upload:
    """One multipart upload."""

    key: str
    session: str


class Bucket:
    """Calls on one bucket; keys are without the store's prefix."""

    def __init__(self, connection: S3Connection) -> None:
        self._connection, self.settings = connection, connection.settings
        self.resource = f"{self.settings.endpoint}/{self.settings.bucket}"

    async def head(self, key: str) -> tuple[ObjectStat, str]:
        """The object and its writer. Raises NotFound."""
        client = await self._client()
        with translated(key):
            found = await client.head_object(**self._at(key))
        stat = ObjectStat(key=key, size=found["ContentLength"], validator=found["ETag"])
        return stat, found["Metadata"].get(WRITER, "")

    async def list(self, prefix: str) -> AsyncIterator[ObjectStat]:
        """Objects below ``prefix``; names that can't be keys are not ours and left out."""
        client = await self._client()
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket=self.settings.bucket,
            Prefix=self.settings.prefix + prefix,
            PaginationConfig={"PageSize": self.settings.page},
        )
        with translated(self.resource):
            async for page in pages:
                for row in page.get("Contents", []):
                    key = row["Key"].removeprefix(self.settings.prefix)
                    if is_key(key):
                        yield ObjectStat(key=key, size=row["Size"], validator=row["ETag"])

    async def delete(self, key: str) -> None:
        """Idempotent."""
        client = await self._client()
        with translated(key):
            await client.delete_object(**self._at(key))

    async def begin(self, key: str, writer: str) -> Upload:
        """A new multipart upload that remembers its writer."""
        client = await self._client()
        with translated(key):
            made = await client.create_multipart_upload(**self._at(key), Metadata={WRITER: writer})
        return Upload(key, made["UploadId"])

    async def parts(self, upload: Upload) -> tuple[PartDone, ...]:
        """What the server holds of it. Raises NoSession."""
        client = await self._client()
        pages = client.get_paginator("list_parts").paginate(
            **self._at(upload.key),
            UploadId=upload.session,
            PaginationConfig={"PageSize": self.settings.page},
        )
        with translated(upload.key), _session_kept():
            return tuple(
                [
                    PartDone(number=row["PartNumber"], size=row["Size"], etag=row["ETag"])
                    async for page in pages
                    for row in page.get("Parts", [])
                ]
            )

    async def put_empty_part(self, upload: Upload) -> None:
        """The one part of an object without bytes. Raises NoSession."""
        client = await self._client()
        with translated(upload.key), _session_kept():
            await client.upload_part(
                **self._at(upload.key), UploadId=upload.session, PartNumber=1, Body=b""
            )

    async def complete(self, upload: Upload, parts: Sequence[PartDone]) -> None:
        """Make it an object. Raises NoSession, Conflict when another is there."""
        client = await self._client()
        asked: dict[str, Any] = self._at(upload.key) | {"UploadId": upload.session}
        asked["MultipartUpload"] = {
            "Parts": [{"PartNumber": part.number, "ETag": part.etag} for part in parts]
        }
        if self.settings.conditional_commit:
            asked["IfNoneMatch"] = "*"
        with translated(upload.key), _session_kept(), _not_overwritten(upload.key):
            await client.complete_multipart_upload(**asked)

    async def abort(self, upload: Upload) -> None:
        """Abort until the server knows it no more: a part in flight may outlive one abort."""
        client = await self._client()
        try:
            async with asyncio.timeout(self.settings.timeout_seconds):
                while True:
                    with translated(upload.key), _session_kept():
                        await client.abort_multipart_upload(
                            **self._at(upload.key), UploadId=upload.session
                        )
                    await self.parts(upload)
                    await asyncio.sleep(0.2)
        except NoSession:
            return
        except TimeoutError:
            raise Unavailable("the upload is still there", resource=upload.key) from None

    async def abort_abandoned(self, key: str) -> None:
        """Abort uploads of exactly ``key`` whose beginner died before it could note them."""
        client = await self._client()
        before = datetime.now(UTC) - _ABANDONED
        full = self.settings.prefix + key
        pages = client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self.settings.bucket, Prefix=full
        )
        with translated(key):
            old = [
                Upload(key, row["UploadId"])
                async for page in pages
                for row in page.get("Uploads", [])
                if row["Key"] == full and row["Initiated"] < before
            ]
        for upload in old:
            await self.abort(upload)

    async def read_url(self, key: str, seconds: int) -> SecretStr:
        """A presigned GET."""
        return await self._signed("get_object", self._at(key), seconds)

    async def part_urls(
        self, upload: Upload, numbers: Sequence[int], seconds: int
    ) -> tuple[PartUrl, ...]:
        """A presigned PUT for each part."""
        at = {**self._at(upload.key), "UploadId": upload.session}
        urls = []
        for number in numbers:
            url = await self._signed("upload_part", at | {"PartNumber": number}, seconds)
            urls.append(PartUrl(number=number, url=url))
            await asyncio.sleep(0)  # signing is all CPU
        return tuple(urls)

    async def aclose(self) -> None:
        """Close connections."""
        await self._connection.aclose()

    async def _signed(self, call: str, at: dict[str, Any], seconds: int) -> SecretStr:
        client = await self._client()
        with translated(self.resource):
            return SecretStr(await client.generate_presigned_url(call, at, ExpiresIn=seconds))

    async def _client(self) -> "S3Client":
        return await self._connection.client()

    def _at(self, key: str) -> dict[str, Any]:
        return {"Bucket": self.settings.bucket, "Key": self.settings.prefix + key}


@contextmanager
def _session_kept() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if code_of(error) in _GONE:
            raise NoSession from None
        raise


@contextmanager
def _not_overwritten(key: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if code_of(error) in _EXISTS:
            raise Conflict("the key exists", resource=key, code="exists") from None
        raise
