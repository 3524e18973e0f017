"""A store on a real NFS export, and the client that uses its grants as an agent would."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from stowage_contracts.errors import GrantRefused
from stowage_contracts.grants import Grant
from stowage_stores.nfs import NfsDriver, NfsProvider, NfsSettings
from stowage_stores.nfs.connecting import connect
from stowage_stores.nfs.libnfs import Connection
from stowage_stores.nfs.url import NfsUrl

SECONDS = 20


class NfsClient:
    """Opens ``nfs:`` grants, each on a connection of its own."""

    enforces = False

    async def read(self, grant: Grant, offset: int, length: int) -> bytes:
        """From the object's file."""
        return await asyncio.to_thread(_read, _url(grant), offset, length)

    async def write(self, grant: Grant, offset: int, data: bytes) -> None:
        """Into the part."""
        try:
            await asyncio.to_thread(_write, _url(grant), offset, bytearray(data))
        except FileNotFoundError:
            raise GrantRefused("the part is gone") from None


@asynccontextmanager
async def nfs_store(url: str, seconds: float = SECONDS) -> AsyncIterator[NfsDriver]:
    """An open driver, whose child is ended afterwards."""
    driver = NfsProvider().open(NfsSettings(url=url, deadline_seconds=seconds))
    try:
        yield driver
    finally:
        await driver.aclose()


def _url(grant: Grant) -> NfsUrl:
    assert grant.uri is not None
    return NfsUrl.parse(grant.uri.get_secret_value())


def _read(url: NfsUrl, offset: int, length: int) -> bytes:
    nfs, buffer = connect(url, SECONDS), bytearray(length)
    try:
        with nfs.opened(url.path, os.O_RDONLY) as file:
            return bytes(buffer[: nfs.read(file, offset, memoryview(buffer))])
    finally:
        nfs.close()


def _write(url: NfsUrl, offset: int, data: bytearray) -> None:
    nfs: Connection = connect(url, SECONDS)
    try:
        with nfs.opened(url.path, os.O_RDWR) as file:
            nfs.write(file, offset, memoryview(data))
    finally:
        nfs.close()
