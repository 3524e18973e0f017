"""Bucket: the S3 calls a driver makes, under one prefix, with errors translated."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from pydantic import SecretStr
from stowage_contracts.errors import Conflict, Unavailable
from stowage_contracts.grants import PartDone, PartUrl
from stowage_contracts.keys import RESERVED, is_key
from stowage_contracts.plugins.image_store_driver import ObjectStat, OpenWrite

from stowage_stores.s3.connection import S3Connection
from stowage_stores.s3.errors import code_of, translated

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client

WRITER = "stowage-writer"
ABANDONED = timedelta(days=1)
_GONE = ("NoSuchUpload", "NoSuchKey", "404")  # Ceph says NoSuchKey when parts are listed
_ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")
_EXISTS = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")


class NoSession(Exception):
    """The multipart upload is not there: completed, aborted or never begun."""


@dataclass(frozen=True)
class Upload:
    """One multipart upload."""

    key: str
    session: str


@dataclass(frozen=True)
class Head:
    """What a server tells of one object."""

    stat: ObjectStat
    writer: str
    archived: bool
    """It must be restored before it can be read."""

    def check_live(self) -> "Head":
        """Raises Unavailable for an object in an archive class."""
        if self.archived:
            raise Unavailable(
                "the object is in an archive storage class",
                resource=self.stat.key,
                code="archived",
                hint="restore it, and take images out of the bucket's archive rules",
            )
        return self


class Bucket:
    """Calls on one bucket; keys are without the store's prefix."""

    def __init__(self, connection: S3Connection) -> None:
        self._connection, self.settings = connection, connection.settings
        self.resource = f"{self.settings.endpoint}/{self.settings.bucket}"

    async def head(self, key: str) -> Head:
        """What lies there. Raises NotFound."""
        return await self.head_at(self.at(key), key)

    async def head_at(self, at: dict[str, Any], name: str) -> Head:
        """The same of any object on the server."""
        client = await self.client()
        with translated(name):
            found = await client.head_object(**at)
        stat = ObjectStat(key=name, size=found["ContentLength"], validator=found["ETag"])
        archived = found.get("StorageClass", "") in _ARCHIVES or "ArchiveStatus" in found
        restored = 'ongoing-request="false"' in found.get("Restore", "")
        return Head(stat, found["Metadata"].get(WRITER, ""), archived and not restored)

    async def list(self, prefix: str) -> AsyncIterator[ObjectStat]:
        """Objects below ``prefix``; names that can't be keys are not ours and left out."""
        own = f"{self.settings.prefix}{RESERVED}/"
        for after in ("", f"{own}\U0010ffff"):  # past our own keys in one step
            async with aclosing(self._run(prefix, after)) as rows:
                async for stat in rows:
                    if not after and stat.key.startswith(f"{RESERVED}/"):
                        break
                    if is_key(stat.key):
                        yield stat
                else:
                    return

    async def own(self, prefix: str) -> AsyncIterator[str]:
        """Stowage's own keys below ``prefix``."""
        async with aclosing(self._run(prefix, "")) as rows:
            async for stat in rows:
                yield stat.key

    async def _run(self, prefix: str, after: str) -> AsyncGenerator[ObjectStat, None]:
        client = await self.client()
        asked: dict[str, Any] = {"StartAfter": after} if after else {}
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket=self.settings.bucket,
            Prefix=self.settings.prefix + prefix,
            PaginationConfig={"PageSize": self.settings.page},
            **asked,
        )
        with translated(self.resource):
            async for page in pages:
                for row in page.get("Contents", []):
                    key = row["Key"].removeprefix(self.settings.prefix)
                    yield ObjectStat(key=key, size=row["Size"], validator=row["ETag"])

    async def delete(self, key: str) -> None:
        """Idempotent."""
        client = await self.client()
        with translated(key):
            await client.delete_object(**self.at(key))

    async def begin(self, key: str, writer: str) -> Upload:
        """A new multipart upload that remembers its writer."""
        client = await self.client()
        with translated(key):
            made = await client.create_multipart_upload(**self.made(key, writer))
        return Upload(key, made["UploadId"])

    async def parts(self, upload: Upload) -> tuple[PartDone, ...]:
        """What the server holds of it. Raises NoSession."""
        client = await self.client()
        pages = client.get_paginator("list_parts").paginate(
            **self.at(upload.key),
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
        client = await self.client()
        with translated(upload.key), _session_kept():
            await client.upload_part(
                **self.at(upload.key), UploadId=upload.session, PartNumber=1, Body=b""
            )

    async def complete(self, upload: Upload, parts: Sequence[PartDone]) -> str:
        """Make it an object; its ETag, where the server tells it (Ceph doesn't).

        Raises NoSession, Conflict when another is there.
        """
        client = await self.client()
        asked = self.at(upload.key) | {"UploadId": upload.session} | self.absent
        asked["MultipartUpload"] = {
            "Parts": [{"PartNumber": part.number, "ETag": part.etag} for part in parts]
        }
        with translated(upload.key), _session_kept(), _not_overwritten(upload.key):
            made = await client.complete_multipart_upload(**asked)
        return made.get("ETag", "")

    async def abort(self, upload: Upload) -> None:
        """Abort until the server knows it no more: a part in flight may outlive one abort."""
        client = await self.client()
        try:
            async with asyncio.timeout(self.settings.timeout_seconds):
                while True:
                    with translated(upload.key), _session_kept():
                        await client.abort_multipart_upload(
                            **self.at(upload.key), UploadId=upload.session
                        )
                    await self.parts(upload)
                    await asyncio.sleep(0.2)
        except NoSession:
            return
        except TimeoutError:
            raise Unavailable("the upload is still there", resource=upload.key) from None

    async def uploads(self, prefix: str = "") -> AsyncIterator[OpenWrite]:
        """Uploads neither completed nor aborted whose key starts with ``prefix``."""
        client = await self.client()
        pages = client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self.settings.bucket,
            Prefix=self.settings.prefix + prefix,
            PaginationConfig={"PageSize": self.settings.page},
        )
        with translated(self.resource):
            async for page in pages:
                for row in page.get("Uploads", []):
                    key = row["Key"].removeprefix(self.settings.prefix)
                    yield OpenWrite(key=key, session=row["UploadId"], began=row["Initiated"])

    async def abort_abandoned(self, prefix: str, *, exactly: bool = True) -> None:
        """Abort uploads whose beginner died, a day ago or longer, before it could note them."""
        before = datetime.now(UTC) - ABANDONED
        old = [
            Upload(found.key, found.session)
            async for found in self.uploads(prefix)
            if (found.key == prefix or not exactly) and found.began and found.began < before
        ]
        for upload in old:
            await self.abort(upload)

    async def read_url(self, key: str, seconds: int) -> SecretStr:
        """A presigned GET."""
        return await self._signed("get_object", self.at(key), seconds)

    async def part_urls(
        self, upload: Upload, numbers: Sequence[int], seconds: int
    ) -> tuple[PartUrl, ...]:
        """A presigned PUT for each part."""
        at = {**self.at(upload.key), "UploadId": upload.session}
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
        client = await self.client()
        with translated(self.resource):
            return SecretStr(await client.generate_presigned_url(call, at, ExpiresIn=seconds))

    async def client(self) -> "S3Client":
        """The open client."""
        return await self._connection.client()

    def at(self, key: str) -> dict[str, Any]:
        """Arguments that name an object."""
        return {"Bucket": self.settings.bucket, "Key": self.settings.prefix + key}

    @property
    def absent(self) -> dict[str, Any]:
        """Arguments by which the server itself refuses to overwrite."""
        return {"IfNoneMatch": "*"} if self.settings.conditional_commit else {}

    def made(self, key: str, writer: str) -> dict[str, Any]:
        """Arguments that make an object and remember its writer."""
        acl = {"ACL": self.settings.acl} if self.settings.acl else {}
        return {**self.at(key), "Metadata": {WRITER: writer}, **acl}


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
