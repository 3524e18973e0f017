"""What this agent has of the bytes it copies, as other agents may read it."""

import asyncio
import os
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from stowage_contracts.values import Digest, Range

from hypervisor_agent.engine.ranges import covers
from hypervisor_agent.engine.threads import Threads
from hypervisor_agent.transports.descriptor import Descriptor

LINGER_SECONDS = 120.0
"""A part is read from so long after its hop ended well: its descriptor outlives the rename."""
MOST = 64
"""Parts kept open at a time; the oldest is let go of."""
Done = Callable[[], tuple[Range, ...]]


class Feed:
    """The part of one hop."""

    def __init__(self, digest: Digest, size: int, done: Done) -> None:
        self.digest, self.size, self._done = digest, size, done
        self._file: Descriptor | None = None
        self._settled: int | None = None
        self._more = asyncio.Event()
        self.closed = False

    @property
    def arrived(self) -> int:
        """Bytes it has."""
        return sum(run.length for run in self._done())

    def open(self, path: Path) -> None:
        """Blocking; raises OSError."""
        self._file = Descriptor(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC))

    def settle(self) -> bool:
        """Its hop ended well: what is written from now on is a guest's, and is never read out.
        False where that can't be seen, or the part was let go of. Blocking."""
        try:
            assert self._file is not None
            with self._file.use() as number:
                self._settled = os.fstat(number).st_mtime_ns
        except OSError:
            return False
        return True

    def wake(self) -> None:
        """More has arrived."""
        self._more.set()
        self._more = asyncio.Event()

    async def has(self, span: Range, seconds: float) -> bool:
        """Whether it has all of ``span``, or gets it within ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                while not (self.closed or covers(self._done(), span)):
                    await self._more.wait()
        except TimeoutError:
            return False
        return not self.closed

    def read(self, offset: int, length: int) -> bytes:
        """Blocking; raises OSError, also once it is closed."""
        if self._file is None:
            raise OSError(9, "the part is not open")
        with self._file.use() as number:
            data = os.pread(number, length, offset)
            # Looked at after the read: a write in between is seen.
            if self._settled not in (None, os.fstat(number).st_mtime_ns):
                raise OSError(5, "the part was written to since")
        if len(data) < length:
            raise OSError(5, "the part ended early")
        return data

    def close(self) -> None:
        """Idempotent."""
        self.closed = True
        if self._file:
            self._file.close()
        self.wake()


class Feeds:
    """All of them, by hop."""

    def __init__(self) -> None:
        self._feeds: OrderedDict[str, Feed] = OrderedDict()

    def find(self, hop_id: str) -> Feed | None:
        """What a hop has, while it moves and shortly after."""
        feed = self._feeds.get(hop_id)
        return None if feed is None or feed.closed else feed

    @asynccontextmanager
    async def offered(
        self, hop_id: str, feed: Feed, path: Path, threads: Threads
    ) -> AsyncIterator[None]:
        """Offered for the length of the block, and a while longer if that ends well. A part that
        can't be opened is not offered: that is no reason to fail the hop that writes it."""
        try:
            await threads.run(feed.open, path)
        except OSError:
            yield
            return
        self._put(hop_id, feed)
        try:
            yield
            settled = await threads.run(feed.settle)
        except BaseException:
            self._drop(hop_id, feed)
            raise
        if not settled:
            self._drop(hop_id, feed)
            return
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self._drop, hop_id, feed)

    def close(self) -> None:
        """Let go of all."""
        for hop_id, feed in list(self._feeds.items()):
            self._drop(hop_id, feed)

    def _put(self, hop_id: str, feed: Feed) -> None:
        if known := self._feeds.pop(hop_id, None):
            known.close()
        self._feeds[hop_id] = feed
        while len(self._feeds) > MOST:
            self._feeds.popitem(last=False)[1].close()

    def _drop(self, hop_id: str, feed: Feed) -> None:
        feed.close()
        if self._feeds.get(hop_id) is feed:
            del self._feeds[hop_id]
