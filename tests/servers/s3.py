"""The S3 server of the tests, and a bucket of its own for each test."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client


@dataclass(frozen=True)
class S3Server:
    """Where an S3 server is and who may use it."""

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str = "us-east-1"

    def client(self) -> AbstractAsyncContextManager[S3Client]:
        """A client for looking at what a test did; path-style, no needless checksums."""
        return get_session().create_client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name=self.region,
            config=AioConfig(
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )


@asynccontextmanager
async def fresh_bucket(server: S3Server) -> AsyncIterator[str]:
    """The name of a new bucket, which is emptied and deleted afterwards."""
    name = f"test-{secrets.token_hex(6)}"
    async with server.client() as s3:
        await s3.create_bucket(Bucket=name)
        try:
            yield name
        finally:
            await _empty(s3, name)
            await s3.delete_bucket(Bucket=name)


async def _empty(s3: S3Client, bucket: str) -> None:
    async for uploads in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        for upload in uploads.get("Uploads", []):
            await s3.abort_multipart_upload(
                Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"]
            )
    async for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for found in page.get("Contents", []):
            await s3.delete_object(Bucket=bucket, Key=found["Key"])
