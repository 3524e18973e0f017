"""What one hop is given to work with."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from stowage_contracts.grants import Grant
from stowage_contracts.messages.hypervisor_agent import ExecuteHop
from stowage_contracts.messages.image_store import GrantRedeemed
from stowage_contracts.plugins import Hypervisor, RangedWriter, Transport
from stowage_contracts.plugins.transport import PartSource
from stowage_contracts.values import Digest, ImageFormat, Verdict

from hypervisor_agent.engine.buffers import Buffers
from hypervisor_agent.engine.local import path_of, scheme_of
from hypervisor_agent.engine.threads import Threads
from hypervisor_agent.feeding.feeds import Feeds
from hypervisor_agent.feeding.wire import Wire

Fill = Callable[[int, memoryview], Awaitable[None]]
"""Reads stored bytes at an offset into a buffer."""
Step = Callable[[str], Awaitable[None]]
"""Called between the steps of a hop, by name; faults are injected here."""


@dataclass(frozen=True)
class Stored:
    """Bytes the gate is asked about."""

    size: int
    fill: Fill
    path: Path | None = None
    """Where they lie, when that is a local file."""


async def stored_at(
    writer: RangedWriter, grant: Grant, size: int, roots: tuple[str, ...]
) -> Stored | None:
    """What the gate may read of a destination; None of what can't be read before its commit."""
    if scheme_of(grant) not in READ_BACK:
        return None
    path = await path_of(grant, roots)

    async def fill(offset: int, buffer: memoryview) -> None:
        await writer.recall(offset, buffer)

    return Stored(size, fill, path)


READ_BACK = {"file", "nfs"}
"""Schemes of parts that their writer can read."""


class Judge(Protocol):
    """The image gate as a hop sees it."""

    async def __call__(self, stored: Stored, declared: ImageFormat) -> Verdict:
        """The verdict; what reading raises passes through."""
        ...


class Grants(Protocol):
    """Where a hop's two grants are redeemed, as often as needed."""

    async def source(self) -> GrantRedeemed:
        """Raises GrantRefused, Unavailable, NotFound."""
        ...

    async def destination(self, size: int | None) -> Grant:
        """A write of ``size`` bytes (None: not known), with its session and journal; no part
        URLs yet."""
        ...

    async def promise(self, size: int) -> None:
        """Have the owner of a write of unknown length keep room for ``size`` bytes. Raises
        OutOfSpace, GrantRefused, Unavailable."""
        ...

    @property
    def parts(self) -> PartSource:
        """URLs of the destination's parts."""
        ...


class Shelf(Protocol):
    """Where leaf digests are kept, under the ticket of one hop."""

    async def get(self, digest: Digest, size: int) -> bytes:
        """Of the source, not yet proved. Raises NotFound, GrantRefused, Unavailable."""
        ...

    async def keep(self, digest: Digest, leaves: bytes, size: int) -> None:
        """Hand over what was computed of the destination; never fails."""
        ...


@dataclass(frozen=True)
class Tools:
    """What all hops of an agent share."""

    transports: Mapping[str, Transport]
    buffers: Buffers
    threads: Threads
    hypervisor: Hypervisor
    judge: Judge
    roots: tuple[str, ...]
    step: Step
    connections: int = 4
    spool: str = "/var/tmp"  # noqa: S108 - only unnamed files are made there
    """Folder on a disk for parts longer than a buffer of sources without a length."""
    feeds: Feeds = field(default_factory=Feeds)
    wire: Wire = field(default_factory=Wire)
    shelf: Callable[[ExecuteHop], Shelf] | None = None
    """None keeps no leaves, and so is not fed by peers."""
