"""Stores that tell what was done with them: memory, with notes, open writes and a life cycle."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, Field, SecretStr
from stowage_contracts.errors import NotAuthorized, NotFound, StowageError
from stowage_contracts.plugins import DataStoreLifecycle, HypervisorHostListener, ImageStoreDriver
from stowage_contracts.plugins.data_store_lifecycle import PlainLifecycle
from stowage_contracts.plugins.image_store_driver import (
    Capacity,
    CopyAsk,
    ObjectStat,
    OpenWrite,
    RevokeAsk,
)
from stowage_contracts.values import Scope, ScopeType, StoreRole
from stowage_contracts.views import HostView, ProbeCheck
from stowage_stores.memory import MemoryDriver, Shelf
from stowage_stores.memory.shelf import Stored


class LabSettings(BaseModel):
    """Which shelf, and the key that opens it."""

    shelf: str = "lab"
    capacity_bytes: int = Field(default=64 << 20)
    key: SecretStr = SecretStr("first")


@dataclass
class Diary:
    """What was done, in order, and what shall fail (each once)."""

    did: list[str] = field(default_factory=list)
    failing: dict[str, StowageError] = field(default_factory=dict)
    key: str = "first"
    """The one the servers take."""
    notes: dict[str, str] = field(default_factory=dict)
    writes: list[OpenWrite] = field(default_factory=list)
    closed: int = 0
    measuring: Callable[[], Awaitable[None]] | None = None
    """What happens elsewhere between a probe's measuring and its reply."""
    meanwhile: Callable[[], Awaitable[None]] | None = None
    """What happens elsewhere while a note is written."""

    def note(self, what: str) -> None:
        """Write it down, and fail if it shall."""
        self.did.append(what)
        if error := self.failing.pop(what, None):
            raise error


class LabDriver(MemoryDriver):
    """A shelf that takes one key."""

    def __init__(self, shelf: Shelf, lab: "LabProvider", key: str) -> None:
        super().__init__(shelf)
        told = {"notes": True, "lists_writes": True, "server": "lab"}
        self.can = self.can.model_copy(update=told)
        self.diary, self.shelves, self.key = lab.diary, lab.shelves, key
        self._home = f"s3://{shelf.name}/"

    async def probe(self) -> tuple[tuple[ProbeCheck, ...], Capacity]:
        self.diary.note("probe")
        checks, room = await super().probe()
        if self.diary.measuring:
            await self.diary.measuring()
        good = self.key == self.diary.key
        return (*checks, ProbeCheck(name="key", ok=good, code="key", cause="wrong key")), room

    async def stat(self, key: str) -> Any:
        if self.key != self.diary.key:
            raise NotAuthorized("wrong key")
        return await super().stat(key)

    def can_copy(self, source: str) -> str:
        return super().can_copy(source.removeprefix(self._home))

    def key_of(self, source: str) -> str | None:
        return source.removeprefix(self._home) if source.startswith(self._home) else None

    def uri_of(self, key: str) -> str:
        return self._home + key

    async def copy(self, ask: CopyAsk) -> ObjectStat:
        self.diary.note(f"copy {ask.key}")
        shelf, _, key = ask.source.removeprefix("s3://").partition("/")
        if "://" not in ask.source or ask.source.startswith(self._home):
            own = ask.model_copy(update={"source": ask.source.removeprefix(self._home)})
            return await super().copy(own)
        made = Stored(self.shelves[shelf].objects[key].content, ask.writer)
        return self.shelf.objects.setdefault(ask.key, made).described(ask.key)

    async def delete(self, key: str) -> None:
        await super().delete(key)
        self.diary.notes.pop(key, None)

    async def revoke(self, ask: RevokeAsk) -> None:
        self.diary.writes = [one for one in self.diary.writes if one.session != ask.session]
        await super().revoke(ask)

    async def write_note(self, key: str, text: str) -> None:
        self.diary.note("write_note")
        if self.diary.meanwhile:
            await self.diary.meanwhile()
        self.diary.notes[key] = text

    async def read_note(self, key: str) -> str:
        if key not in self.diary.notes:
            raise NotFound("no note", resource=key)
        return self.diary.notes[key]

    async def writes(self) -> AsyncIterator[OpenWrite]:
        for one in self.diary.writes:
            yield one

    async def aclose(self) -> None:
        self.diary.closed += 1


class LabLifecycle(PlainLifecycle):
    """Writes down what it was told."""

    def __init__(self, diary: Diary) -> None:
        self._diary = diary

    async def initialize(self) -> None:
        self._diary.note("initialize")

    async def attach(self, scope: Scope) -> None:
        self._diary.note(f"attach {scope.type}")

    async def maintain(self) -> None:
        self._diary.note("maintain")

    async def cancel_maintain(self) -> None:
        self._diary.note("cancel_maintain")

    async def drain(self) -> None:
        self._diary.note("drain")

    async def delete(self) -> None:
        self._diary.note("delete")


class LabListener:
    """Writes down what hosts came and went."""

    def __init__(self, diary: Diary) -> None:
        self._diary = diary

    async def host_connected(self, host: HostView) -> None:
        self._diary.note(f"connected {host.id}")

    async def host_disconnected(self, host: HostView) -> None:
        self._diary.note(f"disconnected {host.id}")


class LabProvider:
    """Stores whose diary a test reads."""

    name: str = "Lab"
    roles: tuple[StoreRole, ...] = (StoreRole.IMAGE, StoreRole.IMAGE_CACHE)
    scopes: tuple[ScopeType, ...] = tuple(ScopeType)
    settings: type[BaseModel] = LabSettings

    def __init__(self) -> None:
        self.diary = Diary()
        self.shelves: dict[str, Shelf] = {}

    def open(self, settings: BaseModel) -> LabDriver:
        own = LabSettings.model_validate(settings.model_dump())
        shelf = self.shelves.setdefault(own.shelf, Shelf(own.shelf, own.capacity_bytes))
        return LabDriver(shelf, self, own.key.get_secret_value())

    def lifecycle(self, driver: ImageStoreDriver) -> DataStoreLifecycle:
        return LabLifecycle(self.diary)

    def host_listener(self, driver: ImageStoreDriver) -> HypervisorHostListener:
        return LabListener(self.diary)

    def put(self, key: str, content: bytes, shelf: str = "lab") -> None:
        """An object nobody asked for."""
        self.shelves[shelf].objects[key] = Stored(content, "somebody")
