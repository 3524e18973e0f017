"""Steps the tests share: a zone with a KVM host and a store, a template on its way."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from image_store.deps import Deps
from pydantic import SecretStr
from stowage_contracts import sealing
from stowage_contracts.grants import Grant
from stowage_contracts.hosts import HostAbilities, PoolView
from stowage_contracts.message import Message
from stowage_contracts.messages.data_motion import CommitHop, CopyCompleted
from stowage_contracts.messages.hypervisor_agent import HopTicket, HostJoined
from stowage_contracts.messages.image_store import (
    AddCluster,
    AddHost,
    AddPod,
    AddStore,
    AddZone,
    CopyRequested,
    GrantRedeemed,
    RedeemGrant,
    RegisterTemplate,
)
from stowage_contracts.values import ImageFormat, Location, ObjectRef, Receipt, Scope, Verdict
from stowage_contracts.views import CopyView
from stowage_runtime.secrets import Sealer
from stowage_runtime.signing import Signer
from stowage_runtime.testing.bench import ServiceBench

DIGEST = "sha256-tree-4m:" + "ab" * 32
CONTENT = b"a small disk image" * 100


@dataclass
class Scene:
    """A cloud in a few words."""

    bench: ServiceBench[Deps]
    keys: dict[str, str]
    folder: Path

    async def zone(self) -> None:
        """Zone z1, pod p1, cluster c1 (KVM), host h1 with pool pool1."""
        await self.bench.handle(AddZone(zone_id="z1", name="one"))
        await self.bench.handle(AddPod(pod_id="p1", zone_id="z1", name="pod"))
        cluster = AddCluster(cluster_id="c1", pod_id="p1", name="cluster", hypervisor="KVM")
        await self.bench.handle(cluster)
        host = AddHost(host_id="h1", name="host", hypervisor="KVM", cluster_id="c1")
        await self.bench.handle(host)
        await self.bench.handle(self.joined(), source="agent/h1")

    def joined(self, host_id: str = "h1", free: int = 1 << 40, **can: Any) -> HostJoined:
        """What the agent of a KVM host says of itself."""
        root = str(self.folder / "pool1")
        abilities = HostAbilities(
            hypervisor="KVM",
            reads=("http", "file"),
            writes=("file", "http"),
            fetch=True,
            roots=(str(self.folder),),
            inspect=("raw", "qcow2", "iso"),
            **can,
        )
        pool = PoolView(
            id="pool1",
            name="pool",
            provider="directory",
            root=root,
            formats=("raw", "qcow2"),
            total_bytes=1 << 40,
            free_bytes=free,
        )
        return HostJoined(
            host_id=host_id,
            name="host",
            location=Location(host_id=host_id),
            abilities=abilities,
            pools=(pool,),
            boot_id="boot1",
        )

    async def store(self, store_id: str = "s1", **changes: Any) -> list[Message]:
        """Add a directory store of zone z1 and run its probe."""
        root = self.folder / store_id
        root.mkdir(exist_ok=True)
        command = AddStore(
            store_id=store_id,
            name=store_id,
            provider="directory",
            role="Image",
            scope=Scope.zone("z1"),
            settings={"root": str(root)},
        )
        await self.bench.handle(command.model_copy(update=changes))
        before = len(await self.bench.said())
        await self.bench.run_intents()
        return (await self.bench.said())[before:]

    def registration(self, **changes: Any) -> RegisterTemplate:
        """Template t1 of zone z1 from a URL with a credential in it."""
        url = changes.pop("url", "http://user:canary@images.example/disk.qcow2")
        sealed = self.sealed(url, ObjectRef(kind="template", id="t1"))
        return RegisterTemplate(
            template_id="t1",
            account_id="acme",
            name="disk",
            sealed_url=sealed,
            format="qcow2",
            hypervisor="KVM",
            scope=Scope.zone("z1"),
            copy_id="copy1",
        ).model_copy(update=changes)

    def sealed(self, url: str, what: ObjectRef) -> str:
        """A URL as the gateway seals it."""
        public = self.keys["stowage_seal_public_key_image_store"]
        return Sealer.seal(public, url.encode(), sealing.for_object(what))

    async def requested(self) -> CopyRequested:
        """Zone, store and template t1 on its way; the copy asked for it."""
        await self.zone()
        await self.store()
        said = await self.bench.handle(self.registration())
        return next(m for m in said if isinstance(m, CopyRequested))

    def ticket(self, request: CopyRequested, **changes: Any) -> SecretStr:
        """A ticket for hop1 on h1, as data-motion signs it."""
        claims = HopTicket(
            hop_id="hop1",
            epoch=1,
            host_id="h1",
            source_grant=request.source.grant,
            destination_grant=request.destination.grant,
            destination_key=request.destination.key,
            destination_store_id=request.destination.store_id,
            expires=datetime.now(UTC) + timedelta(hours=1),
        ).model_copy(update=changes)
        signer = Signer(SecretStr(self.keys["stowage_ticket_signing_key"]))
        return signer.sign(claims, claims.expires)

    async def redeem(
        self, request: CopyRequested, grant_id: str, source: str = "agent/h1", **changes: Any
    ) -> GrantRedeemed:
        """What an agent gets for the ticket."""
        size = changes.pop("size", None)
        ask = RedeemGrant(grant_id=grant_id, ticket=self.ticket(request, **changes), size=size)
        reply = await self.bench.ask(ask, source=source)
        assert isinstance(reply, GrantRedeemed)
        return reply

    async def write(self, request: CopyRequested, **changes: Any) -> Grant:
        """Redeem the destination and write the content as an agent would."""
        grant_id = request.destination.grant.id
        grant = (await self.redeem(request, grant_id, size=len(CONTENT), **changes)).grant
        assert grant.uri is not None
        part = Path(grant.uri.get_secret_value().removeprefix("file://"))
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(CONTENT)
        return grant

    def receipt(self, verdict: Verdict | None = None) -> Receipt:
        """What the agent says of the content."""
        return Receipt(size=len(CONTENT), digest=DIGEST, part="hop1.1", verdict=verdict)

    async def commit(self, request: CopyRequested, hop_id: str = "hop1") -> list[Message]:
        """Commit what was written."""
        commit = CommitHop(
            hop_id=hop_id,
            copy_id=request.copy_id,
            epoch=1,
            destination=request.destination,
            receipt=self.receipt(),
        )
        await self.bench.handle(commit)
        before = len(await self.bench.said())
        await self.bench.run_intents()
        return (await self.bench.said())[before:]

    async def complete(self, request: CopyRequested, verdict: Verdict | None) -> list[Message]:
        """data-motion says the copy is done."""
        return await self.bench.handle(self.completed(request, verdict))

    def completed(self, request: CopyRequested, verdict: Verdict | None) -> CopyCompleted:
        """What it says."""
        return CopyCompleted(
            state=self.copy(request, "done"),
            object=request.destination.object,
            destination=request.destination,
            receipt=self.receipt(verdict),
        )

    def copy(self, request: CopyRequested, state: str) -> CopyView:
        """A copy's public state."""
        return CopyView(
            id=request.copy_id,
            leader_id=request.copy_id,
            account_id="acme",
            object=request.destination.object,
            source="url",
            destination="store",
            state=state,
            created=datetime.now(UTC),
        )

    async def pass_seconds(self, seconds: float) -> None:
        """Move the clock; hosts keep sending heartbeats meanwhile."""
        await self.bench.pass_time(timedelta(seconds=seconds))

    def leftovers(self, store_id: str) -> list[str]:
        """Every file on a store but the commit markers, which a later probe sweeps."""
        root = self.folder / store_id
        files = [p for p in root.rglob("*") if p.is_file() and p.suffix != ".done"]
        return sorted(str(p.relative_to(root)) for p in files)


def accepted(virtual_size: int = 4096) -> Verdict:
    """A verdict of the gate."""
    return Verdict(
        accepted=True, format=ImageFormat.QCOW2, virtual_size=virtual_size, gate_version=1
    )
