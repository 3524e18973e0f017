"""The rest of a cloud as an agent meets it: owners of grants and data-motion, on a real bus."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypervisor_agent.agent import Agent
from hypervisor_agent.identity import Identity
from hypervisor_agent.settings import Settings
from hypervisor_agent.wiring import build
from pydantic import SecretStr
from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import GrantRefused
from stowage_contracts.message import Message
from stowage_contracts.messages.data_motion import CommitHop, HopCommitFailed, HopCommitted
from stowage_contracts.messages.hypervisor_agent import (
    CacheLoadReported,
    ExecuteHop,
    Heartbeat,
    HopFinished,
    HopProgressed,
    HopTicket,
    HopYielded,
    HostJoined,
    InspectObject,
    LinkTicket,
    ObjectInspected,
    ObjectRemoved,
)
from stowage_contracts.messages.image_store import (
    GrantRedeemed,
    RedeemGrant,
    TakeUpload,
    UploadTaken,
)
from stowage_contracts.plugins.hypervisor import PoolSettings
from stowage_contracts.topology import agent_address
from stowage_contracts.values import (
    CopyEnd,
    EndKind,
    GrantRef,
    HypervisorKind,
    ImageFormat,
    Location,
    ObjectKind,
    ObjectRef,
    ServiceName,
    StoreRole,
)
from stowage_runtime.bus import Bus, Reader
from stowage_runtime.orders import sealer
from stowage_runtime.secrets import encode
from stowage_runtime.signing import Signer

M = TypeVar("M", bound=Message)
HOST, POOL = "host-1", "pool-1"
MOTION = Reader(
    "data-motion",
    durable=(
        HostJoined,
        HopFinished,
        HopYielded,
        HopCommitted,
        HopCommitFailed,
        ObjectInspected,
        ObjectRemoved,
    ),
    signals=(Heartbeat, HopProgressed, CacheLoadReported),
)
OWNER = Reader("image-store", requests=(RedeemGrant,))
Redeem = Callable[[RedeemGrant], GrantRedeemed | Awaitable[GrantRedeemed]]


@dataclass
class Cloud:
    """Hears what the agent says and answers what it asks."""

    bus: Bus
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    grants: dict[str, Redeem] = field(default_factory=dict)
    said: list[Message] = field(default_factory=list)
    redeemed: list[RedeemGrant] = field(default_factory=list)
    taken: list[TakeUpload] = field(default_factory=list)

    async def open(self) -> None:
        """Declare and listen."""
        for reader in (MOTION, OWNER):
            await self.bus.declare(reader)
        await self.bus.listen(MOTION, self._hear)
        await self.bus.hear(MOTION, self._hear)
        await self.bus.serve(OWNER, self._answer)

    def identity(self, amqp_url: str = "", prefix: str = "stowage") -> Identity:
        """What the gateway would have given the agent."""
        return Identity(
            host_id=HOST,
            name="kvm1",
            hypervisor=HypervisorKind.KVM,
            location=Location(zone_id="z1", host_id=HOST),
            amqp_url=SecretStr(amqp_url),
            bus_prefix=prefix,
            ticket_verify_key=encode(self.key.public_key().public_bytes_raw()),
        )

    async def send(self, message: Message) -> None:
        """An order to the agent, sealed as data-motion does."""
        await self.bus.send(self.sealed(message), to=agent_address(HOST))

    def sealed(self, message: Message, host_id: str = HOST) -> Envelope:
        """What data-motion would send to a host."""
        envelope = Envelope.of(message, source="data-motion")
        return sealer(self.signer())(envelope, agent_address(host_id))

    async def heard(
        self, kind: type[M], count: int = 1, fits: Callable[[M], bool] = lambda _: True
    ) -> M:
        """The ``count``-th message of a kind that fits, once it was said."""
        async with asyncio.timeout(20):
            while True:
                found = [m for m in self.said if isinstance(m, kind) and fits(m)]
                if len(found) >= count:
                    return found[count - 1]
                await asyncio.sleep(0.01)

    def order(self, source: Redeem, destination: CopyEnd, /, **changes: object) -> ExecuteHop:
        """A signed order; the source is redeemed by ``source``."""
        self.grants["read"] = source
        facts: dict[str, object] = {
            "hop_id": "hop-1",
            "copy_id": "copy-1",
            "host_id": HOST,
            "epoch": 1,
            "generation": 1,
            "source": url_end(),
            "destination": destination,
            "stall_seconds": 5.0,
            "ticket": "",
        }
        order = ExecuteHop.model_validate({**facts, **changes})
        return order.model_copy(update={"ticket": self.sign(order)})

    def sign(self, order: ExecuteHop) -> SecretStr:
        """The ticket of an order."""
        expires = datetime.now(UTC) + timedelta(minutes=5)
        claims = HopTicket(
            hop_id=order.hop_id,
            epoch=order.epoch,
            generation=order.generation,
            host_id=order.host_id,
            source_grant=order.source.grant,
            destination_grant=order.destination.grant,
            destination_key=order.destination.key,
            destination_store_id=order.destination.store_id,
            expires=expires,
        )
        return self.signer().sign(claims, expires)

    def inspection(self, declared: ImageFormat, /, **changes: object) -> InspectObject:
        """A signed inspection of what the grant ``read`` names."""
        end = stored_end()
        expires = datetime.now(UTC) + timedelta(minutes=1)
        order = InspectObject.model_validate(
            {
                "inspection_id": f"inspection-{len(self.said)}",
                "host_id": HOST,
                "object": end,
                "declared": declared,
                "max_virtual_size": 1 << 40,
                "ticket": "",
                **changes,
            }
        )
        claims = HopTicket(
            hop_id=order.inspection_id,
            epoch=1,
            host_id=HOST,
            source_grant=end.grant,
            destination_grant=end.grant,
            destination_key="",
            destination_store_id=None,
            expires=expires,
        )
        return order.model_copy(update={"ticket": self.signer().sign(claims, expires)})

    def signer(self) -> Signer:
        """Signs as data-motion does."""
        return Signer(SecretStr(encode(self.key.private_bytes_raw())))

    async def _hear(self, envelope: Envelope) -> None:
        self.said.append(envelope.message())

    async def _answer(self, envelope: Envelope) -> Envelope:
        ask = envelope.message()
        if isinstance(ask, TakeUpload):
            self.taken.append(ask)
            return Envelope.of(UploadTaken(grant_id=ask.grant_id), source="image-store")
        assert isinstance(ask, RedeemGrant)
        self.redeemed.append(ask)
        if ask.grant_id not in self.grants:
            raise GrantRefused("unknown grant", code="unknown")
        answer = self.grants[ask.grant_id](ask)
        reply = await answer if isinstance(answer, Awaitable) else answer
        return Envelope.of(reply, source="image-store")


def link_token(cloud: Cloud, **claims: object) -> str:
    """What leads to the grant ``link`` through the agent's door."""
    expires = datetime.now(UTC) + timedelta(minutes=5)
    facts = {"grant_id": "link", "host_id": HOST, "object": store_end(), "expires": expires}
    ticket = LinkTicket.model_validate({**facts, **claims})
    return cloud.signer().sign(ticket, ticket.expires).get_secret_value()


def url_end() -> CopyEnd:
    """A user's URL."""
    return CopyEnd(
        kind=EndKind.URL,
        object=ObjectRef(kind=ObjectKind.TEMPLATE, id="t1"),
        schemes=("http",),
        format=ImageFormat.RAW,
        grant=GrantRef(id="read", owner=ServiceName.IMAGE_STORE),
    )


def pool_end(root: Path, key: str = "volumes/v1") -> CopyEnd:
    """A volume on the agent's own pool."""
    return CopyEnd(
        object=ObjectRef(kind=ObjectKind.VOLUME, id="v1"),
        role=StoreRole.PRIMARY,
        store_id=POOL,
        schemes=("file",),
        root=str(root),
        key=key,
        format=ImageFormat.RAW,
        hypervisor=HypervisorKind.KVM,
        grant=GrantRef(id="write", owner=ServiceName.HYPERVISOR_AGENT),
    )


def store_end(key: str = "t1", **facts: object) -> CopyEnd:
    """An object on a store of image-store's."""
    return CopyEnd.model_validate(
        {
            "object": ObjectRef(kind=ObjectKind.TEMPLATE, id="t1"),
            "role": StoreRole.IMAGE,
            "store_id": "store-1",
            "schemes": ("http",),
            "key": key,
            "format": ImageFormat.RAW,
            "grant": GrantRef(id="write", owner=ServiceName.IMAGE_STORE),
            **facts,
        }
    )


def stored_end() -> CopyEnd:
    """A stored object, behind the grant ``read``."""
    return store_end(grant=GrantRef(id="read", owner=ServiceName.IMAGE_STORE))


def commit(order: ExecuteHop, finished: HopFinished) -> CommitHop:
    """What data-motion says next."""
    assert finished.receipt is not None, finished.error
    return CommitHop(
        hop_id=order.hop_id,
        copy_id=order.copy_id,
        epoch=order.epoch,
        destination=order.destination,
        receipt=finished.receipt,
    )


def settings(root: Path, **changes: object) -> Settings:
    """An agent with one directory pool."""
    facts: dict[str, object] = {
        "agent_hypervisor": "fake",
        "agent_heartbeat_seconds": 0.2,
        "agent_pools": (PoolSettings(id=POOL, name="local", root=str(root)),),
    }
    return Settings(**{**facts, **changes})  # type: ignore[arg-type]


@asynccontextmanager
async def running(agent: Agent) -> AsyncIterator[Agent]:
    """Started, and stopped in order."""
    await agent.start()
    try:
        yield agent
    finally:
        await agent.stop(10)


def make_agent(cloud: Cloud, bus: Bus, root: Path, **changes: object) -> Agent:
    """An agent of this cloud."""
    return build(settings(root, **changes), cloud.identity(), bus)
