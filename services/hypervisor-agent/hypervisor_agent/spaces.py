"""How full the caches are that this agent's hops use, where it can see them."""

import asyncio
import ctypes
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import structlog
from stowage_contracts.grants import Grant
from stowage_contracts.messages.image_store import GrantRedeemed
from stowage_contracts.plugins.transport import PartSource
from stowage_contracts.values import CopyEnd, StoreRole
from stowage_stores.nfs.connecting import connect
from stowage_stores.nfs.layouts import Room
from stowage_stores.nfs.mounts import mounted_at
from stowage_stores.nfs.url import NfsUrl

from hypervisor_agent.engine.terms import Grants
from hypervisor_agent.engine.threads import Threads

FRESH_SECONDS = 10.0
NFS_SECONDS = 5.0
"""One call to a server."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Space:
    """Of one store, in bytes."""

    used: int
    total: int


class Spaces:
    """Looks at each store in a thread of its own: one that hangs holds up no report."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[str, Space] = {}
        self._looked: dict[str, float] = {}
        self._looking: dict[str, asyncio.Task[None]] = {}

    def of(self, store_id: str) -> Space | None:
        """As it was when last looked at."""
        return self._known.get(store_id)

    def note(self, end: CopyEnd, grant: Grant) -> None:
        """A grant of a store that is a cache: look where it leads, unless that was done lately."""
        store, now = end.store_id, self._clock()
        if store is None or end.role is not StoreRole.IMAGE_CACHE or grant.uri is None:
            return
        if store in self._looking or now - self._looked.get(store, -FRESH_SECONDS) < FRESH_SECONDS:
            return
        self._looked[store] = now
        task = asyncio.create_task(self._look(store, grant.uri.get_secret_value(), end.root))
        self._looking[store] = task
        task.add_done_callback(lambda _: self._looking.pop(store, None))

    def forget(self, store_id: str) -> None:
        """Nobody here uses it any more."""
        self._known.pop(store_id, None)
        self._looked.pop(store_id, None)

    async def _look(self, store: str, uri: str, root: str) -> None:
        threads = Threads(1, "space")
        try:
            found = await threads.run(space_of, uri, root)
        except Exception as error:  # nothing depends on it but a figure
            log.debug("space.unseen", store=store, error=type(error).__name__)
        else:
            if found is not None:
                self._known[store] = found
        finally:
            threads.close()


class NotedGrants:
    """A hop's grants, whose caches are looked at as they are redeemed."""

    def __init__(self, grants: Grants, ends: tuple[CopyEnd, CopyEnd], spaces: Spaces) -> None:
        self._grants, self._spaces = grants, spaces
        self._source, self._destination = ends

    async def source(self) -> GrantRedeemed:
        """As the grants behind it."""
        redeemed = await self._grants.source()
        self._spaces.note(self._source, redeemed.grant)
        return redeemed

    async def destination(self, size: int | None) -> Grant:
        """As the grants behind it."""
        grant = await self._grants.destination(size)
        self._spaces.note(self._destination, grant)
        return grant

    async def promise(self, size: int) -> None:
        """As the grants behind it."""
        await self._grants.promise(size)

    @property
    def parts(self) -> PartSource:
        """As the grants behind it."""
        return self._grants.parts


def space_of(uri: str, root: str = "") -> Space | None:
    """Of what a grant leads to; None where that can't be seen. Blocks."""
    scheme = urlsplit(uri).scheme
    if scheme == "file":
        return _of_folder(root or unquote(urlsplit(uri).path).rpartition("/")[0])
    if scheme == "nfs":
        return _of_export(NfsUrl.parse(uri))
    return None


def _of_folder(folder: str) -> Space:
    room = os.statvfs(folder)
    return _space(room.f_blocks * room.f_frsize, room.f_bavail * room.f_frsize)


def _of_export(url: NfsUrl) -> Space:
    mount = mounted_at(url)
    if mount is not None:
        return _of_folder(str(mount))
    connection, room = connect(url, NFS_SECONDS), Room()
    try:
        connection.call("nfs_statvfs64", b"/", ctypes.byref(room))
    finally:
        connection.close()
    return _space(room.blocks * room.frsize, room.bavail * room.frsize)


def _space(total: int, free: int) -> Space:
    return Space(used=max(0, total - free), total=total)
