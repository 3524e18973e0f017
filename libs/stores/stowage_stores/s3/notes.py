"""Notes: small texts beside objects, below the reserved prefix no listing shows."""

from typing import Any

from stowage_contracts.errors import InvalidInput
from stowage_contracts.keys import RESERVED, check_key

from stowage_stores.s3.bucket import Bucket
from stowage_stores.s3.errors import translated

_LONGEST = 64 << 10


class Notes:
    """The notes of one bucket's objects."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    async def write(self, key: str, text: str) -> None:
        """Replace it; raises InvalidInput beyond 64 KiB."""
        at, content = self._at(key), text.encode()
        if len(content) > _LONGEST:
            raise InvalidInput("a note has at most 64 KiB", resource=key, code="note")
        client = await self._bucket.client()
        with translated(key):
            await client.put_object(**at, Body=content, ContentType="text/plain")

    async def read(self, key: str) -> str:
        """Raises NotFound."""
        client = await self._bucket.client()
        with translated(key):
            found = await client.get_object(**self._at(key))
            async with found["Body"] as body:
                return bytes(await body.read()).decode(errors="replace")

    async def delete(self, key: str) -> None:
        """Idempotent."""
        client = await self._bucket.client()
        with translated(key):
            await client.delete_object(**self._at(key))

    def _at(self, key: str) -> dict[str, Any]:
        return self._bucket.at(f"{RESERVED}/notes/{check_key(key)}")
