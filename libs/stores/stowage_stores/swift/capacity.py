"""What quotas leave of an account and a container."""

from collections.abc import Mapping

from stowage_contracts.plugins.image_store_driver import Capacity

from stowage_stores.swift.connection import SwiftConnection
from stowage_stores.swift.http import Ask


async def capacity(connection: SwiftConnection) -> Capacity:
    """The account's quota; segments lie outside the container, so its own says nothing of them."""
    answer = await connection.call(Ask("HEAD"), connection.settings.auth_url)
    quota = _bytes(answer.headers, "X-Account-Meta-Quota-Bytes")
    if not quota:
        return Capacity()
    used = _bytes(answer.headers, "X-Account-Bytes-Used") or 0
    return Capacity(total_bytes=quota, used_bytes=used)


def _bytes(headers: Mapping[str, str], name: str) -> int | None:
    value = headers.get(name, "")
    return int(value) if value.isdigit() else None
