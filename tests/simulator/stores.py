"""Stores in the simulator: objects, unfinished writes, and everything that goes wrong with them."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Any

from pydantic import SecretStr
from stowage_contracts.errors import Conflict, NotFound, OutOfSpace, Unavailable
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

from tests.simulator.kernel import Kernel, Pause

RANGE = 64 << 20
"""Bytes of one range; contents are one token for each."""
Content = dict[int, str]


def content_of(name: str, ranges: int) -> Content:
    """The bytes of an image."""
    return {index: f"{name}/{index}" for index in range(ranges)}


def digest_of(content: Content) -> str:
    """Tree digest of a content."""
    told = "|".join(content.get(index, "") for index in range(max(content, default=-1) + 1))
    return f"sha256-tree-4m:{sha256(told.encode()).hexdigest()}"


@dataclass(eq=False)
class Write:
    """An unfinished write: the destination is the journal."""

    key: str
    writer: str
    session: str
    content: Content = field(default_factory=dict)
    journal: set[int] = field(default_factory=set)
    gone: bool = False
    """Aborted or completed: an object store takes no more parts; a file's are lost."""
    unheard: bool = False
    """It was begun, and whoever asked for it was not told: a scan has to find it."""


@dataclass(frozen=True)
class Stored:
    """A committed object. A file is the inode its writer still has open."""

    content: Content
    size: int
    writer: str


@dataclass(eq=False)
class Trouble:
    """What is wrong with a store now; until when, in virtual seconds."""

    away: float = 0.0
    full: float = 0.0
    stuck: float = 0.0
    lost_replies: float = 0.0
    """Share of calls that were carried out and not answered."""
    lies: int = 0
    """So many parts it will say it has taken, and lose."""
    flips: int = 0
    """So many ranges it will read wrong."""


@dataclass(eq=False)
class SimStore:
    """Implements ``ImageStoreDriver``; agents reach the bytes by ``read`` and ``put``."""

    id: str
    kernel: Kernel
    multipart: bool
    root: str = ""
    objects: dict[str, Stored] = field(default_factory=dict)
    writes: dict[tuple[str, str, str], Write] = field(default_factory=dict)
    trouble: Trouble = field(default_factory=Trouble)
    dead: bool = False
    reads: int = 0
    sent: dict[tuple[str, int], int] = field(default_factory=dict)
    """How often each range of each hop was written by who held its lease."""
    refused: Counter[str] = field(default_factory=Counter)
    """Writes of each hop that were not what they should be, and were deleted."""
    commits: dict[str, set[str]] = field(default_factory=dict)
    """Writers whose object became visible, by key."""

    @property
    def can(self) -> DriverAbilities:
        """As a directory or a bucket would declare."""
        schemes = ("https",) if self.multipart else ("file",)
        return DriverAbilities(schemes=schemes, root=self.root, multipart=self.multipart)

    async def probe(self) -> tuple[tuple[ProbeCheck, ...], Capacity]:
        """Whether it answers."""
        await self._call()
        return (ProbeCheck(name="probe", ok=True),), Capacity()

    async def grant(self, ask: ReadAsk | WriteAsk) -> Grant:
        """Access to one object, or to one writer's write."""
        await self._call()
        expires = self.kernel.time() + timedelta(days=1)
        uri, held = SecretStr(f"{self.id}:{ask.key}"), self.objects.get(ask.key)
        if isinstance(ask, ReadAsk):
            if held is None:
                raise NotFound("no such object", resource=ask.key)
            return Grant(uri=uri, size=held.size, expires=expires)
        if held is not None and held.writer != ask.writer:
            raise Conflict("the key exists", resource=ask.key, code="exists")
        write = self._begin(ask)
        write.unheard = self.multipart and not ask.session
        await self._reply()
        write.unheard = False
        return Grant(writes=True, uri=uri, session=write.session, size=ask.size, expires=expires)

    async def commit(self, ask: CommitAsk) -> ObjectStat:
        """Idempotent for its writer; never overwrites."""
        await self._call()
        held = self.objects.get(ask.key)
        if held is None or held.writer != ask.writer:
            self._complete(ask, held)
        await self._reply()
        return ObjectStat(
            key=ask.key, size=self.objects[ask.key].size if held is None else held.size
        )

    async def stat(self, key: str) -> ObjectStat:
        """Raises NotFound."""
        await self._call()
        if key not in self.objects:
            raise NotFound("no such object", resource=key)
        return ObjectStat(key=key, size=self.objects[key].size)

    async def delete(self, key: str) -> None:
        """Idempotent."""
        await self._call()
        if self.objects.pop(key, None) is not None:
            self.kernel.note(f"{self.id} deleted {key}")
        await self._reply()

    async def revoke(self, ask: RevokeAsk) -> None:
        """Abort one session of a writer."""
        await self._call()
        self.drop((ask.key, ask.writer, ask.session if self.multipart else ""))
        await self._reply()

    def drop(self, name: tuple[str, str, str]) -> None:
        """An unfinished write is gone."""
        write = self.writes.pop(name, None)
        if write is not None:
            write.gone = True
            self.kernel.note(f"{self.id} dropped {write.writer[-14:]} of {write.key}")

    def die(self) -> None:
        """The VM it is on is gone for good, with every byte."""
        self.dead, self.trouble.away = True, float("inf")
        self.objects.clear()
        for name in list(self.writes):
            self.drop(name)

    def mend(self) -> None:
        """Whatever was wrong is over; the dead stay dead."""
        self.trouble = Trouble(away=float("inf") if self.dead else 0.0)

    def scan(self, making: set[str]) -> None:
        """What image-store's scan does: nobody's uploads are given up."""
        for name, write in list(self.writes.items()):
            if write.unheard and write.key not in making:
                self.drop(name)

    async def read(self, key: str, index: int, patience: float) -> str:
        """One range of an object; raises what a transport would."""
        await self._bytes(patience)
        held = self.objects.get(key)
        if held is None:
            raise NotFound("no such object", resource=key)
        self.reads += 1
        if self.trouble.flips > 0:
            self.trouble.flips -= 1
            return f"rotten {held.content[index]}"
        return held.content[index]

    async def put(self, write: Write, index: int, token: str, patience: float) -> None:
        """One range of a write; an object store takes nothing for a session that is over."""
        await self._bytes(patience)
        if self.trouble.full > self.kernel.now:
            raise OutOfSpace("no space left", resource=self.id)
        if write.gone and self.multipart:
            raise Unavailable("no such upload", resource=write.key, code="upload")
        if self.trouble.lies > 0 and self.multipart:
            self.trouble.lies -= 1
            self.kernel.note(f"{self.id} lies of range {index} of {write.key}")
            return
        write.content[index] = token
        if self.multipart:
            write.journal.add(index)
        await self._reply()

    def _begin(self, ask: WriteAsk) -> Write:
        session = ""
        if self.multipart:
            session = ask.session or f"upload-{self.kernel.random.randrange(1 << 32):08x}"
        name = (ask.key, ask.writer, session)
        if ask.session and name not in self.writes and self.multipart:
            held = self.objects.get(ask.key)
            if held is None:
                raise NotFound("no such upload", resource=ask.key, code="upload")
            return Write(ask.key, ask.writer, session, held.content, set(held.content), gone=True)
        return self.writes.setdefault(name, Write(ask.key, ask.writer, session))

    def _complete(self, ask: CommitAsk, held: Stored | None) -> None:
        name = (ask.key, ask.writer, ask.session if self.multipart else "")
        write = self.writes.get(name)
        if write is None:
            raise NotFound("nothing to commit", resource=ask.key)
        if held is not None:
            raise Conflict("the key exists", resource=ask.key, code="exists")
        if len(write.content) * RANGE != ask.size:
            raise Conflict("the size differs from the receipt", resource=ask.key, code="size")
        self.objects[ask.key] = Stored(write.content, ask.size, ask.writer)
        self.commits.setdefault(ask.key, set()).add(ask.writer)
        del self.writes[name]
        write.gone = self.multipart
        self.kernel.note(f"{self.id} committed {ask.key} of {ask.writer[-14:]}")

    async def _call(self) -> None:
        await Pause(0.005 + self.kernel.random.random() * 0.05)
        if self.trouble.away > self.kernel.now:
            raise Unavailable(f"{self.id} is away", code="store")

    async def _reply(self) -> None:
        await Pause(0.005)
        if self.kernel.chance(self.trouble.lost_replies):
            raise Unavailable(f"{self.id} did not answer", code="store")

    async def _bytes(self, patience: float) -> None:
        await Pause(0.3 + self.kernel.random.random() * 0.7)
        if self.trouble.stuck > self.kernel.now:
            await Pause(patience)
            raise Unavailable(f"{self.id} gave no byte", code="stalled")
        if self.trouble.away > self.kernel.now:
            raise Unavailable(f"{self.id} is away", code="store")


@dataclass
class Shelf:
    """All stores by id; stands for ``Hosted`` and for the agents' transports."""

    stores: dict[str, SimStore]

    async def driver(self, row: Any) -> SimStore:
        """The driver of a store row."""
        return self.stores[row.id]

    async def forget(self, store_id: str) -> None:
        """Nothing is kept open."""
