"""Hops without a bus: real transports, files and servers, grants given by the test."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypervisor_agent.engine.buffers import Buffers
from hypervisor_agent.engine.hop import Hop
from hypervisor_agent.engine.progress import Meter
from hypervisor_agent.engine.terms import Tools
from hypervisor_agent.engine.threads import Threads
from hypervisor_agent.faults import Faults, FaultSteps
from hypervisor_agent.hypervisors.kvm import KvmHypervisor
from hypervisor_agent.judge import GateJudge
from hypervisor_agent.transports.file import FileTransport
from hypervisor_agent.transports.http import HttpTransport
from pydantic import SecretStr
from stowage_contracts.errors import OutOfSpace
from stowage_contracts.grants import FetchRules, Grant
from stowage_contracts.messages.hypervisor_agent import ExecuteHop
from stowage_contracts.messages.image_store import GrantRedeemed
from stowage_contracts.plugins.hypervisor import HypervisorSettings
from stowage_contracts.plugins.transport import PartSource, TransportSettings
from stowage_contracts.values import (
    TREE_LEAF,
    CopyEnd,
    GrantRef,
    ImageFormat,
    ObjectKind,
    ObjectRef,
    ServiceName,
)

MIB = 1024 * 1024
NO_FAULTS = Faults()
LOOPBACK = FetchRules(allow=("127.0.0.0/8",))


def noise(size: int, seed: int = 1) -> bytes:
    """Bytes that compress to nothing and are the same in every run."""
    source = random.Random(seed)
    return b"".join(source.randbytes(min(64 * MIB, size - at)) for at in range(0, size, 64 * MIB))


def tree_digest(data: bytes) -> str:
    """The tree digest by its definition, in one line."""
    leaves = [hashlib.sha256(data[at : at + TREE_LEAF]) for at in range(0, len(data), TREE_LEAF)]
    joined = b"".join(leaf.digest() for leaf in leaves)
    return f"sha256-tree-4m:{hashlib.sha256(joined).hexdigest()}"


def end(format: ImageFormat = ImageFormat.RAW) -> CopyEnd:
    """An end; what it names is up to the grants."""
    return CopyEnd(
        object=ObjectRef(kind=ObjectKind.TEMPLATE, id="t1"),
        schemes=("file",),
        format=format,
        grant=GrantRef(id="g1", owner=ServiceName.IMAGE_STORE),
    )


def order(**changes: object) -> ExecuteHop:
    """An order for one hop, raw to raw."""
    facts: dict[str, object] = {
        "hop_id": "h1",
        "copy_id": "c1",
        "host_id": "host1",
        "epoch": 1,
        "generation": 1,
        "source": end(),
        "destination": end(),
        "ticket": SecretStr("t"),
        "stall_seconds": 5.0,
    }
    return ExecuteHop.model_validate({**facts, **changes})


def soon() -> datetime:
    """When grants of tests expire."""
    return datetime.now(UTC) + timedelta(minutes=10)


def file_grant(path: Path, *, writes: bool = False) -> Grant:
    """A path to read, or a part to write."""
    return Grant(uri=SecretStr(path.as_uri()), writes=writes, expires=soon())


def url_grant(url: str) -> Grant:
    """A URL to read."""
    return Grant(uri=SecretStr(url), expires=soon())


async def _no_parts(first_part: int, count: int) -> tuple[()]:
    raise AssertionError("a file has no part URLs")


@dataclass
class GivenGrants:
    """Grants a test made."""

    read: Callable[[], Grant]
    write: Callable[[int | None], Grant]
    rules: FetchRules | None = None
    parts: PartSource = field(default=_no_parts)
    redeemed: int = 0
    room: int | None = None
    promised: list[int] = field(default_factory=list)

    async def source(self) -> GrantRedeemed:
        """The read grant; counts how often it was wanted."""
        self.redeemed += 1
        return GrantRedeemed(grant_id="g1", grant=self.read(), rules=self.rules)

    async def destination(self, size: int | None) -> Grant:
        """The write grant."""
        return self.write(size)

    async def promise(self, size: int) -> None:
        """Refused above ``room``."""
        if self.room is not None and size > self.room:
            raise OutOfSpace(f"{size} bytes do not fit")
        self.promised.append(size)


def make_tools(root: Path, faults: Faults = NO_FAULTS, connections: int = 4) -> Tools:
    """An agent's tools with one root."""
    settings = TransportSettings(roots=(str(root),), connections=connections)
    file, http = FileTransport(settings), HttpTransport(settings)
    return Tools(
        transports={"file": file, "http": http, "https": http},
        buffers=Buffers(),
        threads=Threads(4, "hash"),
        step=FaultSteps(faults),
        hypervisor=KvmHypervisor(HypervisorSettings()),
        judge=GateJudge(1 << 43),
        roots=(str(root),),
        connections=connections,
    )


def hop(asked: ExecuteHop, grants: GivenGrants, tools: Tools) -> Hop:
    """Ready to run."""
    return Hop(asked, grants, tools, Meter())


def part_of(root: Path, asked: ExecuteHop) -> Path:
    """Where the order's destination part lies."""
    folder = root / ".stowage"
    folder.mkdir(exist_ok=True)
    return folder / f"{asked.hop_id}.{asked.generation}.part"


def from_url(url: str, part: Path) -> GivenGrants:
    """A user's URL into a part."""
    return GivenGrants(lambda: url_grant(url), lambda _: file_grant(part, writes=True), LOOPBACK)
