"""Download by a link into a file: goes on where it broke, and compares what arrived."""

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from stowage_contracts.errors import ImageRefused, InvalidInput, SourceChanged
from stowage_contracts.values import TREE_ALGORITHM, TREE_LEAF, Bytes, Digest

from stowage_client.meter import Meter, Report
from stowage_client.sending import Patience, faults_of, judge, outside, persistently

BLOCK = 1 << 20


@dataclass(frozen=True)
class Download:
    """One object into one file."""

    address: Callable[[], Awaitable[str]]
    """A fresh URL; they expire."""
    to: Path
    size: Bytes
    digest: Digest | None
    """The tree digest it must have."""
    report: Report
    patience: Patience = field(default_factory=Patience)

    async def fetch(self) -> None:
        """Fetch what is missing into ``<to>.part``, compare, and rename; raises StowageError."""
        part = self.to.with_name(f"{self.to.name}.part")
        meter = Meter(self.size, self.report)
        try:
            async with outside() as http:
                await persistently(lambda: self._fetch(http, part, meter), self.patience.seconds)
            meter.tell("comparing")
            await asyncio.to_thread(self._compare, part)
            part.replace(self.to)
        except OSError as error:
            raise InvalidInput(
                f"the file cannot be written: {error.strerror}", resource=str(part), code="argument"
            ) from error

    async def _fetch(self, http: aiohttp.ClientSession, part: Path, meter: Meter) -> None:
        with part.open("ab") as file:
            have = file.tell()
            meter.at(have)
            if have >= self.size:
                return
            headers = {"Range": f"bytes={have}-"}
            url, silence = await self.address(), self.patience.stall_seconds
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=silence)
            async with faults_of(), http.get(url, headers=headers, timeout=timeout) as reply:
                judge(reply)
                if have and reply.status != 206:
                    file.truncate(0)
                    meter.at(0)
                async for chunk in reply.content.iter_chunked(BLOCK):
                    await asyncio.to_thread(file.write, chunk)
                    meter.moved(len(chunk))

    def _compare(self, part: Path) -> None:
        size = part.stat().st_size
        if size == self.size and self.digest in (None, tree_digest(part)):
            return
        part.unlink()
        if size != self.size:
            raise SourceChanged(f"{size} bytes came, not {self.size}", code="size")
        raise ImageRefused("what arrived is not what is stored", code="digest")


def tree_digest(path: Path) -> Digest:
    """The digest that identifies an object."""
    leaves = hashlib.sha256()
    with path.open("rb") as file:
        while leaf := file.read(TREE_LEAF):
            leaves.update(hashlib.sha256(leaf).digest())
        os.fsync(file.fileno())
    return f"{TREE_ALGORITHM}:{leaves.hexdigest()}"
