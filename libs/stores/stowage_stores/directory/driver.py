"""DirectoryDriver: ImageStoreDriver on a directory."""

import builtins
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import PurePosixPath
from typing import TypeVar

from pydantic import SecretStr
from stowage_contracts.errors import InvalidInput, StowageError
from stowage_contracts.grants import Grant
from stowage_contracts.plugins.image_store_driver import (
    Capacity,
    CommitAsk,
    CopyAsk,
    DriverAbilities,
    ObjectStat,
    OpenWrite,
    ReadAsk,
    RevokeAsk,
    WriteAsk,
)
from stowage_contracts.views import ProbeCheck

from stowage_stores.deadlines import Deadlines
from stowage_stores.directory import copies, notes, writes
from stowage_stores.directory.copies import Attempt
from stowage_stores.directory.probe import Probe
from stowage_stores.directory.tree import Tree
from stowage_stores.files import Files, OsFiles
from stowage_stores.locks import KeyLocks
from stowage_stores.os_errors import from_os

T = TypeVar("T")
_PAGE = 1000
_SYNCS = 10
"""So many deadlines a call may take that syncs or reads much."""


class DirectoryDriver:
    """One directory. Parts, their journals and commit markers lie in ``<root>/.stowage``."""

    def __init__(
        self, root: str, *, seconds: float = 20, mounted: bool = False, files: Files | None = None
    ) -> None:
        self._tree = Tree(PurePosixPath(root), mounted, files or OsFiles())
        self.can = DriverAbilities(
            schemes=("file",),
            root=root,
            copies=isinstance(self._tree.files, OsFiles),
            notes=True,
            lists_writes=True,
            unknown_length=True,
        )
        self._deadlines = Deadlines(root, seconds)
        self._copying = KeyLocks()

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
        async for found in self._paged(self._tree.walk(prefix)):
            yield found

    async def delete(self, key: str) -> None:
        """Idempotent; takes the note along."""
        await self._do(lambda: self._tree.remove(key))
        await self._do(lambda: notes.remove(self._tree, key))

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
        return await self._do(lambda: writes.commit(self._tree, ask), times=_SYNCS)

    async def revoke(self, ask: RevokeAsk) -> None:
        """Delete the part."""
        await self._do(lambda: writes.revoke(self._tree, ask))

    def can_copy(self, source: str) -> str:
        """'' for a key of this store."""
        return copies.refusal(source)

    def key_of(self, source: str) -> str | None:
        """None: no URI names a file."""
        return None

    def uri_of(self, key: str) -> str:
        """The key: no other store copies from here."""
        return key

    async def copy(self, ask: CopyAsk) -> ObjectStat:
        """As one commit of a part filled here; no wait is longer than for 64 MiB of it."""
        async with self._copying.hold(ask.key):
            return await self._copied(ask)

    async def _copied(self, ask: CopyAsk) -> ObjectStat:
        tree, writing = self._tree, WriteAsk(key=ask.key, writer=ask.writer, seconds=0)
        made = await self._do(lambda: writes.committed(tree, ask.key, ask.writer))
        if made is not None:
            return await self._settled(ask, made.size)
        if why := copies.refusal(ask.source):
            raise InvalidInput(why, resource=ask.source, code="source")
        await self.stat(ask.source)
        await self._do(lambda: writes.begin(tree, writing))
        try:
            size = await self._fill(await self._do(lambda: Attempt.begin(tree, ask)))
        except StowageError:
            with suppress(StowageError):  # an unfinished write then, and listed as one
                await self.revoke(RevokeAsk(key=ask.key, writer=ask.writer))
            raise
        return await self._settled(ask, size)

    async def _settled(self, ask: CopyAsk, size: int) -> ObjectStat:
        return await self.commit(CommitAsk(key=ask.key, writer=ask.writer, size=size))

    async def write_note(self, key: str, text: str) -> None:
        """Replace the note of ``key``."""
        await self._do(lambda: notes.write(self._tree, key, text))

    async def read_note(self, key: str) -> str:
        """Raises NotFound."""
        return await self._do(lambda: notes.read(self._tree, key))

    async def writes(self) -> AsyncIterator[OpenWrite]:
        """Every part."""
        async for found in self._paged(writes.unfinished(self._tree)):
            yield found

    async def _fill(self, attempt: Attempt) -> int:
        try:
            at = attempt.size if await self._do(attempt.clone, times=_SYNCS) else 0
            while at < attempt.size:
                at = await self._do(partial(attempt.copy_from, at), times=_SYNCS)
            await self._do(attempt.keep, times=_SYNCS)
        except StowageError:
            with suppress(StowageError):
                await self._do(attempt.drop)
            raise
        return attempt.size

    async def _paged(self, rows: Iterator[T]) -> AsyncIterator[T]:
        def page() -> builtins.list[T]:
            return builtins.list(islice(rows, _PAGE))

        while found := await self._do(page, times=_SYNCS):
            for row in found:
                yield row

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
