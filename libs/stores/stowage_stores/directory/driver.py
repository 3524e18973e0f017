"""DirectoryDriver: ImageStoreDriver on a directory."""

import builtins
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import PurePosixPath
from typing import TypeVar

from pydantic import SecretStr
from stowage_contracts.errors import StowageError
from stowage_contracts.grants import Grant
from stowage_contracts.plugins.image_store_driver import (
    Capacity,
    CommitAsk,
    DriverAbilities,
    ObjectStat,
    ReadAsk,
    RevokeAsk,
    WriteAsk,
)
from stowage_contracts.views import ProbeCheck

from stowage_stores.deadlines import Deadlines
from stowage_stores.directory import writes
from stowage_stores.directory.probe import Probe
from stowage_stores.directory.tree import Tree
from stowage_stores.files import Files, OsFiles
from stowage_stores.os_errors import from_os

T = TypeVar("T")
_PAGE = 1000


class DirectoryDriver:
    """One directory. Parts, their journals and commit markers lie in ``<root>/.stowage``."""

    def __init__(
        self, root: str, *, seconds: float = 20, mounted: bool = False, files: Files | None = None
    ) -> None:
        self.can = DriverAbilities(schemes=("file",), root=root, unknown_length=True)
        self._tree = Tree(PurePosixPath(root), mounted, files or OsFiles())
        self._deadlines = Deadlines(root, seconds)

    async def probe(self) -> tuple[tuple[ProbeCheck, ...], Capacity]:
        """Really write, sync, read, commit, list and delete; stops at the first failed check."""
        probe = Probe(self._tree)
        checks = [await self._check(name, work) for name, work in probe.steps()[:1]]
        for name, work in probe.steps()[1:]:
            if checks[-1].ok:
                checks.append(await self._check(name, work))
        if checks[0].ok:
            checks.append(await self._check("tidy", probe.sweep))
        capacity = await self._do(self._capacity) if checks[-1].ok else Capacity()
        return tuple(checks), capacity

    async def stat(self, key: str) -> ObjectStat:
        """Raises NotFound."""
        return await self._do(lambda: self._tree.stat(key))

    async def list(self, prefix: str = "") -> AsyncIterator[ObjectStat]:
        """Every object below ``prefix``, in key order."""
        await self._do(self._tree.check_root)
        walk = self._tree.walk(prefix)

        def page() -> builtins.list[ObjectStat]:
            return builtins.list(islice(walk, _PAGE))

        while rows := await self._do(page, times=10):
            for row in rows:
                yield row

    async def delete(self, key: str) -> None:
        """Idempotent."""
        await self._do(lambda: self._tree.remove(key))

    async def grant(self, ask: ReadAsk | WriteAsk) -> Grant:
        """The path of the object, or of the writer's part."""
        expires = datetime.now(UTC) + timedelta(seconds=ask.seconds)
        if isinstance(ask, WriteAsk):
            part = await self._do(lambda: writes.begin(self._tree, ask))
            return Grant(writes=True, uri=SecretStr(part.as_uri()), size=ask.size, expires=expires)
        found = await self.stat(ask.key)
        uri = SecretStr((self._tree.root / ask.key).as_uri())
        return Grant(uri=uri, size=found.size, validator=found.validator, expires=expires)

    async def commit(self, ask: CommitAsk) -> ObjectStat:
        """Sync the part and give it its name, which must be free."""
        return await self._do(lambda: writes.commit(self._tree, ask), times=10)

    async def revoke(self, ask: RevokeAsk) -> None:
        """Delete the part."""
        await self._do(lambda: writes.revoke(self._tree, ask))

    def _capacity(self) -> Capacity:
        total, free = self._tree.files.room(self._tree.root)
        return Capacity(total_bytes=total, used_bytes=total - free)

    async def _check(self, name: str, work: Callable[[], None]) -> ProbeCheck:
        try:
            await self._do(work)
        except StowageError as error:
            code = error.code.rpartition(".")[2]
            return ProbeCheck(name=name, ok=False, code=code, cause=error.cause)
        return ProbeCheck(name=name, ok=True)

    async def _do(self, work: Callable[[], T], *, times: int = 1) -> T:
        try:
            return await self._deadlines.run(work, times=times)
        except OSError as error:
            raise from_os(error, self.can.root) from error
