"""Who cache-autoscaler talks to, as small clients of the real bus."""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from pydantic import SecretStr
from stowage_contracts.envelope import Envelope
from stowage_contracts.grants import Grant
from stowage_contracts.message import Message
from stowage_contracts.messages import cache_autoscaler as told
from stowage_contracts.messages.cache_autoscaler import CacheReserved, ReserveCache
from stowage_contracts.messages.data_motion import (
    CommitHop,
    CopyProgressed,
    HopCommitFailed,
    HopCommitted,
)
from stowage_contracts.messages.hypervisor_agent import CacheLoadReported, HopTicket
from stowage_contracts.messages.image_store import AddStore, GrantRedeemed, RedeemGrant
from stowage_contracts.sealing import for_store
from stowage_contracts.testing.grant_client import FileClient, HttpClient, client_for
from stowage_contracts.testing.store_hand import receipt_of
from stowage_contracts.values import (
    CopyEnd,
    GrantRef,
    ImageFormat,
    Location,
    ObjectKind,
    ObjectRef,
    Scope,
    ServiceName,
    StoreRole,
    Transfer,
)
from stowage_contracts.views import CacheLoad
from stowage_runtime.bus import Bus, Reader
from stowage_runtime.secrets import Sealer
from stowage_runtime.signing import Signer

from tests.servers.s3 import S3Server

M = TypeVar("M", bound=Message)
SELF = ServiceName.CACHE_AUTOSCALER
EVENTS = (
    told.CacheAdded,
    told.CacheChanged,
    told.CacheRejected,
    told.CacheDraining,
    told.CacheRemoved,
    told.CacheLoadHigh,
    told.CacheLoadLow,
    HopCommitted,
    HopCommitFailed,
)


@dataclass
class Cloud:
    """Gateway and data-motion on one connection, the agent of host h1 on its own."""

    services: Bus
    agent: Bus
    keys: dict[str, str]
    folder: Path
    heard: list[Message] = field(default_factory=list)

    async def start(self) -> None:
        reader = Reader(ServiceName.DATA_MOTION, EVENTS)
        await self.services.declare(reader)
        await self.services.listen(reader, self._hear)

    async def _hear(self, envelope: Envelope) -> None:
        self.heard.append(envelope.message())

    async def until(self, kind: type[M], count: int = 1, seconds: float = 30) -> M:
        """The ``count``-th message of a kind."""
        async with asyncio.timeout(seconds):
            while len(found := [m for m in self.heard if isinstance(m, kind)]) < count:
                await asyncio.sleep(0.05)
            return found[count - 1]

    async def command(self, message: Message) -> None:
        source = ServiceName.DATA_MOTION
        await self.services.send(Envelope.of(message, source=source), to=SELF)

    async def add(self, store_id: str = "k1") -> None:
        root = self.folder / store_id
        root.mkdir()
        await self.command(
            AddStore(
                store_id=store_id,
                name=store_id,
                provider="directory",
                role=StoreRole.IMAGE_CACHE,
                scope=Scope.zone("z1"),
                settings={"root": str(root)},
            )
        )
        await self.until(told.CacheAdded)

    async def add_bucket(self, server: S3Server, bucket: str) -> None:
        """A bucket as cache k1, its secret sealed as the gateway does."""
        public = self.keys["stowage_seal_public_key_cache_autoscaler"]
        secret = json.dumps({"secret_key": server.secret_key}).encode()
        await self.command(
            AddStore(
                store_id="k1",
                name="k1",
                provider="S3",
                role=StoreRole.IMAGE_CACHE,
                scope=Scope.region(),
                sealed=Sealer.seal(public, secret, for_store("k1")),
                settings={
                    "endpoint": server.endpoint,
                    "bucket": bucket,
                    "access_key": server.access_key,
                    "part_bytes": 8 << 20,
                },
            )
        )
        await self.until(told.CacheAdded)

    async def reserve(self, copy_id: str, data: bytes) -> CacheReserved:
        asked = ReserveCache(
            copy_id=copy_id,
            object=ObjectRef(kind=ObjectKind.TEMPLATE, id="t1"),
            digest=receipt_of(data).digest,
            size=len(data),
            format=ImageFormat.RAW,
            location=Location(zone_id="z1", host_id="h1"),
            schemes=("file", "http"),
        )
        envelope = Envelope.of(asked, source=ServiceName.DATA_MOTION)
        reply = await self.services.request(envelope, to=SELF, seconds=10)
        assert isinstance(reply, CacheReserved)
        return reply

    async def redeem(
        self, reply: CacheReserved, end: CopyEnd | None, size: int, parts: int = 0
    ) -> GrantRedeemed:
        assert end is not None
        other = GrantRef(id="elsewhere", owner=ServiceName.IMAGE_STORE)
        expires = datetime.now(UTC) + timedelta(minutes=5)
        ticket = HopTicket(
            hop_id=f"{reply.copy_id}-hop",
            epoch=1,
            host_id="h1",
            source_grant=other,
            destination_grant=end.grant,
            destination_key=end.key,
            destination_store_id=end.store_id,
            expires=expires,
        )
        signer = Signer(SecretStr(self.keys["stowage_ticket_signing_key"]))
        asked = RedeemGrant(
            grant_id=end.grant.id, ticket=signer.sign(ticket, expires), size=size, part_count=parts
        )
        envelope = Envelope.of(asked, source="agent/h1")
        redeemed = await self.agent.request(envelope, to=SELF, seconds=10)
        assert isinstance(redeemed, GrantRedeemed)
        return redeemed

    async def write(self, reply: CacheReserved, data: bytes) -> Grant:
        """Part by part where the grant has parts; the last grant redeemed."""
        grant = (await self.redeem(reply, reply.destination, len(data))).grant
        if not grant.part_size:
            await FileClient().write(grant, 0, data)
            return grant
        count = -(-len(data) // grant.part_size)
        grant = (await self.redeem(reply, reply.destination, len(data), count)).grant
        for at in range(0, len(data), grant.part_size):
            await HttpClient().write(grant, at, data[at : at + grant.part_size])
        return (await self.redeem(reply, reply.destination, len(data))).grant

    async def commit(self, reply: CacheReserved, data: bytes) -> None:
        assert reply.destination is not None
        await self.command(
            CommitHop(
                hop_id=f"{reply.copy_id}-hop",
                copy_id=reply.copy_id,
                epoch=1,
                destination=reply.destination,
                receipt=receipt_of(data),
            )
        )

    async def read(self, reply: CacheReserved) -> bytes:
        grant = (await self.redeem(reply, reply.source, 0)).grant
        assert grant.uri is not None
        scheme = grant.uri.get_secret_value().partition(":")[0]
        return await client_for(scheme).read(grant, 0, grant.size or 0)

    async def progress(self, copy_id: str) -> None:
        signal = CopyProgressed(copy_id=copy_id, state="running", transfer=Transfer())
        await self.services.signal(Envelope.of(signal, source=ServiceName.DATA_MOTION))

    async def load(self, rate: float, streams: int) -> None:
        seen = CacheLoad(store_id="k1", bytes_per_second=rate, streams=streams)
        signal = CacheLoadReported(host_id="h1", loads=(seen,))
        await self.agent.signal(Envelope.of(signal, source="agent/h1"))

    def files(self) -> list[str]:
        """What lies on cache k1, but for commit markers."""
        root = self.folder / "k1"
        found = [p for p in root.rglob("*") if p.is_file() and p.suffix != ".done"]
        return [str(path.relative_to(root)) for path in found]
