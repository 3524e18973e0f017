"""Steps the tests share: cache stores in a zone, copies that want space on them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
from cache_autoscaler.__main__ import wire
from cache_autoscaler.deps import Deps
from cache_autoscaler.settings import Settings
from pydantic import SecretStr
from stowage_contracts.message import Message
from stowage_contracts.messages.cache_autoscaler import CacheReserved, ReserveCache
from stowage_contracts.messages.data_motion import (
    CommitHop,
    CopyCancelled,
    CopyCompleted,
    CopyFailed,
)
from stowage_contracts.messages.hypervisor_agent import HopTicket
from stowage_contracts.messages.image_store import AddStore, GrantRedeemed, RedeemGrant
from stowage_contracts.testing.grant_client import FileClient
from stowage_contracts.testing.store_hand import bytes_of, receipt_of
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
)
from stowage_contracts.views import CopyView
from stowage_runtime import keys
from stowage_runtime.signing import Signer
from stowage_runtime.testing.bench import ServiceBench

MIB = 1 << 20
HERE = Location(zone_id="z1", pod_id="p1", cluster_id="c1", host_id="h1")


def image(name: str, size: int = 1000) -> tuple[ObjectRef, bytes]:
    """A template and its bytes."""
    return ObjectRef(kind=ObjectKind.TEMPLATE, id=name), bytes_of(size, sum(name.encode()))


_ASIDE = {".done", ".key"}


@dataclass
class Scene:
    """A cloud in a few words."""

    bench: ServiceBench[Deps]
    keys: dict[str, str]
    folder: Path
    database_url: str

    def adding(self, store_id: str = "k1", **changes: Any) -> AddStore:
        """A directory as a cache of zone z1."""
        root = self.folder / store_id
        root.mkdir(exist_ok=True)
        return AddStore(
            store_id=store_id,
            name=store_id,
            provider="directory",
            role=StoreRole.IMAGE_CACHE,
            scope=Scope.zone("z1"),
            settings={"root": str(root)},
        ).model_copy(update=changes)

    @property
    def elsewhere(self) -> Scope:
        """A zone host h1 is not in."""
        return Scope.zone("z2")

    async def store(
        self, store_id: str = "k1", room: int | None = None, **changes: Any
    ) -> list[Message]:
        """Add a cache and run its probe; ``room`` bytes may then be held on it."""
        await self.bench.handle(self.adding(store_id, **changes))
        said = await self.intents()
        if room is not None:
            limit = self.bench.service.deps.settings.cache_fill_limit
            await self.sql(
                "UPDATE cache_autoscaler.cache_stores SET total_bytes = $2, foreign_bytes = 0"
                " WHERE id = $1",
                store_id,
                -(-room * 100 // round(limit * 100)),
            )
        return said

    async def intents(self) -> list[Message]:
        """Run what is due; what it made the service say."""
        before = len(await self.bench.said())
        await self.bench.run_intents()
        return (await self.bench.said())[before:]

    def asking(
        self, copy_id: str, name: str = "t1", size: int = 1000, **changes: Any
    ) -> ReserveCache:
        """A copy of a template to host h1 that needs a cache."""
        thing, data = image(name, size)
        return ReserveCache(
            copy_id=copy_id,
            object=thing,
            digest=receipt_of(data).digest,
            size=size,
            format=ImageFormat.RAW,
            location=HERE,
            schemes=("file",),
        ).model_copy(update=changes)

    async def reserve(
        self, copy_id: str, name: str = "t1", size: int = 1000, **changes: Any
    ) -> CacheReserved:
        """What the service answers it."""
        reply = await self.bench.ask(self.asking(copy_id, name, size, **changes))
        assert isinstance(reply, CacheReserved)
        return reply

    def ticket(self, reply: CacheReserved, hop_id: str, **changes: Any) -> SecretStr:
        """As data-motion signs it for host h1; the other end's grant is image-store's."""
        other = GrantRef(id="elsewhere", owner=ServiceName.IMAGE_STORE)
        source, destination = reply.source, reply.destination
        claims = HopTicket(
            hop_id=hop_id,
            epoch=1,
            host_id="h1",
            source_grant=source.grant if source else other,
            destination_grant=destination.grant if destination else other,
            destination_key=destination.key if destination else "",
            destination_store_id=destination.store_id if destination else None,
            expires=datetime.now(UTC) + timedelta(hours=1),
        ).model_copy(update=changes)
        signer = Signer(SecretStr(self.keys["stowage_ticket_signing_key"]))
        return signer.sign(claims, claims.expires)

    async def redeem(
        self,
        reply: CacheReserved,
        end: CopyEnd | None,
        hop_id: str = "hop1",
        source: str = "agent/h1",
        size: int | None = None,
        **changes: Any,
    ) -> GrantRedeemed:
        """What the agent of a host gets for its ticket."""
        assert end is not None
        ask = RedeemGrant(
            grant_id=end.grant.id, ticket=self.ticket(reply, hop_id, **changes), size=size
        )
        redeemed = await self.bench.ask(ask, source=source)
        assert isinstance(redeemed, GrantRedeemed)
        return redeemed

    async def write(self, reply: CacheReserved, data: bytes, hop_id: str = "hop1") -> None:
        """Redeem the write grant and write as an agent would."""
        redeemed = await self.redeem(reply, reply.destination, hop_id, size=len(data))
        await FileClient().write(redeemed.grant, 0, data)

    def committing(
        self, reply: CacheReserved, data: bytes, hop_id: str = "hop1", epoch: int = 1
    ) -> CommitHop:
        """data-motion's command after the agent finished."""
        assert reply.destination is not None
        return CommitHop(
            hop_id=hop_id,
            copy_id=reply.copy_id,
            epoch=epoch,
            destination=reply.destination,
            receipt=receipt_of(data),
        )

    async def fill(
        self, copy_id: str, name: str = "t1", size: int = 1000, **changes: Any
    ) -> CacheReserved:
        """Reserve, write and commit; the copy still holds its pin."""
        reply = await self.reserve(copy_id, name, size, **changes)
        assert reply.answer == "fill", reply.reason
        return await self.finish(reply, name, size)

    async def finish(self, reply: CacheReserved, name: str, size: int = 1000) -> CacheReserved:
        """Write and commit what was reserved."""
        data, hop_id = image(name, size)[1], f"{reply.copy_id}-1"
        await self.write(reply, data, hop_id)
        await self.bench.handle(self.committing(reply, data, hop_id))
        await self.intents()
        return reply

    async def read(self, reply: CacheReserved, hop_id: str = "hop2") -> bytes:
        """Read the entry through its grant."""
        redeemed = await self.redeem(reply, reply.source, hop_id)
        return await FileClient().read(redeemed.grant, 0, redeemed.grant.size or 0)

    def view(self, copy_id: str, state: str) -> CopyView:
        """A copy's public state."""
        thing = ObjectRef(kind=ObjectKind.TEMPLATE, id="t1")
        return CopyView(
            id=copy_id,
            leader_id=copy_id,
            account_id="acme",
            object=thing,
            source="store",
            destination="pool",
            state=state,
            created=datetime.now(UTC),
        )

    async def completed(self, reply: CacheReserved) -> None:
        """data-motion says the copy is done."""
        end = reply.source
        assert end is not None
        view = self.view(reply.copy_id, "done")
        await self.bench.handle(CopyCompleted(state=view, object=end.object, destination=end))

    async def cancelled(self, reply: CacheReserved, *, last: bool = True) -> None:
        """An asker left."""
        assert reply.source is not None
        view = self.view(reply.copy_id, "cancelled")
        await self.bench.handle(CopyCancelled(state=view, destination=reply.source, last=last))

    async def failed(self, reply: CacheReserved, error: Any) -> None:
        """The copy ended without its object."""
        assert reply.source is not None
        view = self.view(reply.copy_id, "failed")
        await self.bench.handle(CopyFailed(state=view, destination=reply.source, error=error))

    async def pass_seconds(self, seconds: float) -> None:
        """Move the clock."""
        await self.bench.pass_time(timedelta(seconds=seconds))

    async def sql(self, text: str, *values: Any) -> list[asyncpg.Record]:
        """Look behind the curtain, or move the scenery."""
        connection = await asyncpg.connect(self.database_url)
        try:
            return list(await connection.fetch(text, *values))
        finally:
            await connection.close()

    async def entries(self) -> list[tuple[str, str]]:
        """Object and state of every entry."""
        rows = await self.sql(
            "SELECT object_id, state FROM cache_autoscaler.entries ORDER BY created, object_id"
        )
        return [(row["object_id"], row["state"]) for row in rows]

    def files(self, store_id: str = "k1") -> Sequence[str]:
        """Every file on a cache but the commit markers, which a later probe sweeps, and what names
        the key of a part."""
        root = self.folder / store_id
        found = [p for p in root.rglob("*") if p.is_file() and p.suffix not in _ASIDE]
        return sorted(str(path.relative_to(root)) for path in found)


@asynccontextmanager
async def opened_scene(folder: Path, database_url: str) -> AsyncIterator[Scene]:
    """A service of its own on a database, for tests that bring servers with them."""
    made = keys.make()
    names = {name.removeprefix("stowage_"): text for name, text in made.items()}
    settings = Settings.read(database_url=SecretStr(database_url), **names)
    async with ServiceBench.open(wire(settings), database_url) as bench:
        yield Scene(bench, made, folder, database_url)
        await bench.service.deps.stores.close()
