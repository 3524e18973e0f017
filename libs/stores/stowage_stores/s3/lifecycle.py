"""S3Lifecycle: makes a bucket that is asked for, removes it only if it made it and it is empty."""

from typing import Any

from stowage_contracts.errors import NotFound
from stowage_contracts.keys import RESERVED
from stowage_contracts.plugins.data_store_lifecycle import PlainLifecycle

from stowage_stores.s3.bucket import Bucket
from stowage_stores.s3.errors import translated

_MARK = f"{RESERVED}/bucket"
_NO_CONSTRAINT = "us-east-1"


class S3Lifecycle(PlainLifecycle):
    """A bucket without the setting ``create`` is neither made nor removed."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._name = bucket.settings.bucket

    async def initialize(self) -> None:
        """Make the bucket if it is missing and ``create`` is set; leave a mark that we did."""
        if not self._bucket.settings.create or await self._exists():
            return
        client = await self._bucket.client()
        region = self._bucket.settings.region
        where: dict[str, Any] = {"CreateBucketConfiguration": {"LocationConstraint": region}}
        with translated(self._bucket.resource):
            await client.create_bucket(
                Bucket=self._name, **({} if region == _NO_CONSTRAINT else where)
            )
            await client.put_object(**self._bucket.at(_MARK), Body=b"made by Stowage")

    async def delete(self) -> None:
        """Remove the bucket if it bears our mark and holds nothing else."""
        if not self._bucket.settings.create or not await self._is_ours_and_empty():
            return
        client = await self._bucket.client()
        with translated(self._bucket.resource):
            await client.delete_object(**self._bucket.at(_MARK))
            await client.delete_bucket(Bucket=self._name)

    async def _exists(self) -> bool:
        client = await self._bucket.client()
        try:
            with translated(self._bucket.resource):
                await client.head_bucket(Bucket=self._name)
        except NotFound:
            return False
        return True

    async def _is_ours_and_empty(self) -> bool:
        if not await self._exists():
            return False
        client = await self._bucket.client()
        with translated(self._bucket.resource):
            objects = await client.list_objects_v2(Bucket=self._name, MaxKeys=2)
            uploads = await client.list_multipart_uploads(Bucket=self._name, MaxUploads=1)
        keys = [row["Key"] for row in objects.get("Contents", [])]
        return keys == [self._bucket.at(_MARK)["Key"]] and not uploads.get("Uploads")
