"""TempUrls: signed links, and the keys a server keeps to check them."""

import asyncio
import hashlib
import hmac
import time
from dataclasses import dataclass, field
from urllib.parse import quote

from pydantic import SecretStr
from stowage_contracts.errors import Conflict

from stowage_stores.swift.connection import SwiftConnection
from stowage_stores.swift.http import Ask

_SLOTS = ("X-Account-Meta-Temp-Url-Key", "X-Account-Meta-Temp-Url-Key-2")


@dataclass(frozen=True)
class Link:
    """What a TempURL lets its holder do."""

    method: str
    path: str
    seconds: int
    key: str = field(repr=False)


class TempUrls:
    """Signs; leaves the store's key with its account before it first signs."""

    def __init__(self, connection: SwiftConnection) -> None:
        self._connection = connection
        self._left = False
        self._leaving = asyncio.Lock()

    async def link(self, link: Link) -> SecretStr:
        """The whole URL."""
        limits = await self._connection.limits()
        server, path = await self._connection.signed_path(link.path)
        expires = int(time.time()) + link.seconds
        text = f"{link.method}\n{expires}\n{path}".encode()
        signature = hmac.new(link.key.encode(), text, limits.digest).hexdigest()
        query = f"temp_url_sig={signature}&temp_url_expires={expires}"
        return SecretStr(f"{server}{quote(path)}?{query}")

    async def key(self) -> str:
        """The store's own, known to the server. Raises Conflict when its places are taken."""
        async with self._leaving:
            if not self._left:
                await self.leave_key()
                self._left = True
        return self._own

    async def leave_key(self) -> None:
        """Idempotent; takes a free place, else that of this store's eldest key. Raises Conflict."""
        resource = self._connection.settings.container
        found = await self._connection.call(Ask("HEAD"), resource)
        there = {slot: found.headers.get(slot, "") for slot in _SLOTS}
        if self._own in there.values():
            return
        left = {slot: found.headers.get(_owner(slot), "") for slot in _SLOTS}
        ours = [slot for slot in _SLOTS if left[slot].startswith(self._name)]
        free = [slot for slot in _SLOTS if not there[slot]] or sorted(ours, key=left.__getitem__)
        if not free:
            raise Conflict(
                "both TempURL keys of the account are other ones",
                resource=resource,
                code="temp_url_key",
                hint="give one of them as temp_url_key, or remove one from the account",
            )
        told = {free[0]: self._own, _owner(free[0]): f"{self._name}{time.time():017.3f}"}
        await self._connection.call(Ask("POST", headers=told), resource)

    @property
    def _name(self) -> str:
        """Of this store, beside the keys it left."""
        settings = self._connection.settings
        place = f"{settings.container}/{settings.prefix}"
        return f"{hashlib.sha256(place.encode()).hexdigest()[:16]} "

    @property
    def _own(self) -> str:
        return self._connection.settings.temp_url_key.get_secret_value()


def _owner(slot: str) -> str:
    """Where the server notes who left the key of that place, and when."""
    return slot.replace("Temp-Url-Key", "Stowage-Left")
