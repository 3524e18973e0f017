"""An agent that moves no byte: it takes every hop at once and says it is done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from stowage_contracts.envelope import Envelope
from stowage_contracts.hosts import HostAbilities, PoolView
from stowage_contracts.message import Message
from stowage_contracts.messages.data_motion import CommitHop, HopCommitted
from stowage_contracts.messages.hypervisor_agent import (
    ExecuteHop,
    Heartbeat,
    HopFinished,
    HostJoined,
)
from stowage_contracts.topology import Topology
from stowage_contracts.values import (
    HypervisorKind,
    ImageFormat,
    Location,
    Receipt,
    Secret,
    Value,
    new_id,
)
from stowage_runtime.bus import Reader
from stowage_runtime.bus.limits import BusLimits
from stowage_runtime.bus.rabbit import RabbitBus

SLOTS = 1000
PEBIBYTE = 1 << 50
HEARTBEAT_SECONDS = 5.0
SCHEMES = ("file", "http", "https")
LIMITS = BusLimits(prefetch=256, parallel=256)


class Enrolled(Value):
    """What the gateway answered to an enrolment."""

    host_id: str
    location: Location
    amqp_url: Secret
    bus_prefix: str


@dataclass
class NullAgent:
    """Speaks the agents' part of the bus contract, and nothing else."""

    identity: Enrolled
    pool: PoolView
    bus: RabbitBus
    boot_id: str = field(default_factory=new_id)

    async def join(self) -> None:
        """Listen, declare a pool without end and say it lives."""
        host = self.identity.host_id
        await self.bus.listen(Reader(f"agent.{host}", (ExecuteHop, CommitHop)), self._take)
        abilities = HostAbilities(
            hypervisor=HypervisorKind.KVM, reads=SCHEMES, writes=SCHEMES, roots=("/",), slots=SLOTS
        )
        joined = HostJoined(
            host_id=host,
            name=host,
            location=self.identity.location,
            abilities=abilities,
            pools=(self.pool,),
            boot_id=self.boot_id,
        )
        await self.bus.send(self._envelope(joined, None))

    async def beat(self) -> None:
        """Heartbeats until cancelled."""
        host = self.identity.host_id
        while True:
            beat = Heartbeat(host_id=host, boot_id=self.boot_id, pools=(self.pool,))
            await self.bus.signal(self._envelope(beat, None))
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _take(self, envelope: Envelope) -> None:
        message = envelope.message()
        if isinstance(message, ExecuteHop):
            await self.bus.send(self._envelope(_finished(message), envelope))
        elif isinstance(message, CommitHop):
            await self.bus.send(self._envelope(_committed(message), envelope))

    def _envelope(self, message: Message, cause: Envelope | None) -> Envelope:
        return Envelope.of(
            message,
            source=f"agent/{self.identity.host_id}",
            correlationid=(cause.correlationid or cause.id) if cause else "",
            causationid=cause.id if cause else "",
            traceparent=cause.traceparent if cause else "",
        )


def _finished(order: ExecuteHop) -> HopFinished:
    assert order.digest is not None
    receipt = Receipt(size=order.size or 0, digest=order.digest, part=f"{_writer(order)}.part")
    return HopFinished(
        host_id=order.host_id,
        hop_id=order.hop_id,
        copy_id=order.copy_id,
        epoch=order.epoch,
        receipt=receipt,
    )


def _writer(order: ExecuteHop) -> str:
    return f"{order.hop_id}.{order.generation}"


def _committed(order: CommitHop) -> HopCommitted:
    return HopCommitted(
        hop_id=order.hop_id, copy_id=order.copy_id, epoch=order.epoch, digest=order.receipt.digest
    )


@asynccontextmanager
async def joined(identity: Enrolled, pool_id: str) -> AsyncIterator[NullAgent]:
    """A null agent at work, with one pool of that id."""
    url, topology = identity.amqp_url.get_secret_value(), Topology(identity.bus_prefix)
    bus = await RabbitBus(url, topology, LIMITS).ready()
    pool = PoolView(
        id=pool_id,
        name=pool_id,
        provider="directory",
        root=f"/null/{pool_id}",
        formats=(ImageFormat.RAW,),
        total_bytes=PEBIBYTE,
        free_bytes=PEBIBYTE,
    )
    agent = NullAgent(identity, pool, bus)
    await agent.join()
    beating = asyncio.create_task(agent.beat())
    try:
        yield agent
    finally:
        beating.cancel()
        await bus.close()
