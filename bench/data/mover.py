"""python -m bench.data.mover: moves one hop as the agent does, in a process of its own.

Reads a job as JSON, prints what it took as JSON. Imports, which an agent does once in its life,
are not in the time; they are in the memory.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import hypervisor_agent.__main__  # noqa: F401 - all an agent holds in memory, broker client included
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
from hypervisor_agent.transports.nfs import NfsTransport
from pydantic import SecretStr
from stowage_contracts.grants import FetchRules, Grant, PartUrl
from stowage_contracts.messages.hypervisor_agent import ExecuteHop
from stowage_contracts.messages.image_store import GrantRedeemed
from stowage_contracts.plugins.hypervisor import HypervisorSettings
from stowage_contracts.plugins.transport import PartSource, TransportSettings
from stowage_contracts.values import (
    CopyEnd,
    Digest,
    GrantRef,
    ImageFormat,
    ObjectKind,
    ObjectRef,
    ServiceName,
    Value,
)

from bench.data.processes import peak_mib


class Job(Value):
    """One hop, with its grants already redeemed."""

    source: Grant
    destination: Grant
    rules: FetchRules | None = None
    checksum: Digest | None = None
    digest: Digest | None = None
    """Tree digest of the source, where its owner knows it."""
    formats: tuple[ImageFormat, ImageFormat] = (ImageFormat.RAW, ImageFormat.RAW)
    roots: tuple[str, ...] = ()


class Took(Value):
    """What it cost."""

    seconds: float
    cpu_seconds: float
    peak_mib: float
    size: int
    sent: int


class Given:
    """The job's grants."""

    def __init__(self, job: Job) -> None:
        self._job = job

    async def source(self) -> GrantRedeemed:
        job = self._job
        return GrantRedeemed(grant_id="read", grant=job.source, rules=job.rules, digest=job.digest)

    async def destination(self, size: int | None) -> Grant:
        return self._job.destination.model_copy(update={"parts": ()})

    async def promise(self, size: int) -> None:
        """Nobody counts."""

    async def keep_leaves(self, *_: object) -> None:
        """Nobody keeps them."""

    @property
    def parts(self) -> PartSource:
        return self._more

    async def _more(self, first_part: int, count: int) -> tuple[PartUrl, ...]:
        return self._job.destination.parts[first_part - 1 : first_part - 1 + count]


async def move(job: Job) -> Took:
    """Run the hop."""
    tools = make_tools(job.roots)
    began, used = time.monotonic(), time.process_time()
    asked = order(job.checksum)
    ends = {
        "source": asked.source.model_copy(update={"format": job.formats[0]}),
        "destination": asked.destination.model_copy(update={"format": job.formats[1]}),
    }
    receipt = await Hop(asked.model_copy(update=ends), Given(job), tools, Meter()).run()
    took = Took(
        seconds=time.monotonic() - began,
        cpu_seconds=time.process_time() - used,
        peak_mib=peak_mib("self"),
        size=receipt.size,
        sent=receipt.bytes_sent,
    )
    tools.threads.close()
    return took


def order(checksum: Digest | None = None, number: int = 0) -> ExecuteHop:
    """What data-motion would say of hop ``number``."""
    return ExecuteHop(
        hop_id=f"h{number}",
        copy_id=f"c{number}",
        host_id="host",
        epoch=1,
        generation=1,
        source=_end(),
        destination=_end(),
        checksum=checksum,
        ticket=SecretStr(""),
    )


def make_tools(roots: tuple[str, ...]) -> Tools:
    """What an agent's hops share, at its defaults."""
    settings = TransportSettings(roots=roots)
    http, nfs = HttpTransport(settings), NfsTransport(settings)
    return Tools(
        transports={"file": FileTransport(settings), "http": http, "https": http, "nfs": nfs},
        buffers=Buffers(),
        threads=Threads(4, "hash"),
        step=FaultSteps(Faults()),
        hypervisor=KvmHypervisor(HypervisorSettings()),
        judge=GateJudge(1 << 43),
        roots=roots,
    )


def _end() -> CopyEnd:
    return CopyEnd(
        object=ObjectRef(kind=ObjectKind.TEMPLATE, id="t"),
        schemes=("file",),
        format=ImageFormat.RAW,
        grant=GrantRef(id="g", owner=ServiceName.IMAGE_STORE),
    )


if __name__ == "__main__":
    asked = Job.model_validate(json.load(sys.stdin))
    sys.stdout.write(asyncio.run(move(asked)).model_dump_json())
