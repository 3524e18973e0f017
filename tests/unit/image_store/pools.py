"""Steps on a pool that makes volumes of its own copy of a template."""

from dataclasses import dataclass

from stowage_contracts.message import Message
from stowage_contracts.messages.data_motion import CopyCancelled, CopyCompleted, CopyFailed
from stowage_contracts.messages.hypervisor_agent import ObjectRemoved, RemoveObject
from stowage_contracts.messages.image_store import CopyRequested, RequestCopy, VolumeChanged
from stowage_contracts.values import Receipt
from stowage_contracts.views import ReplicaView

from tests.unit.image_store.scene import Scene, accepted

OTHER = "sha256-tree-4m:" + "cd" * 32


@dataclass
class PoolScene:
    """A zone with template t1 Ready on store s1, and pool1 of host h1."""

    scene: Scene

    async def begin(self, *can: str, install: str = "") -> None:
        """The template is there; the pool can so much."""
        request = await self.scene.requested()
        await self.scene.write(request)
        await self.scene.commit(request)
        await self.scene.complete(request, accepted())
        await self.join(*can, install=install)

    async def join(self, *can: str, install: str = "") -> None:
        """The agent says what its pool can."""
        joined = self.scene.joined()
        pool = joined.pools[0].model_copy(update={"can": can, "install": install})
        await self.scene.bench.handle(
            joined.model_copy(update={"pools": (pool,)}), source="agent/h1"
        )

    async def ask(
        self, volume_id: str | None, copy_id: str = "", **changes: object
    ) -> list[Message]:
        """What is said when a volume, or the pool's copy, is asked for."""
        asked = RequestCopy(
            copy_id=copy_id or f"copy-{volume_id}",
            account_id="acme",
            template_id="t1",
            store_id="pool1",
            volume_id=volume_id,
        )
        return await self.scene.bench.handle(asked.model_copy(update=changes))

    async def settle(self) -> list[CopyRequested]:
        """Carry out what is due; the copies asked for by it."""
        before = len(await self.scene.bench.said())
        while await self.scene.bench.run_intents():
            continue
        return requests((await self.scene.bench.said())[before:])

    async def done(self, request: CopyRequested, digest: str | None = None) -> list[Message]:
        """The copy ends well."""
        size, found = request.size or 4096, digest or request.digest or OTHER
        receipt = Receipt(size=size, digest=found, part="hop1.1.part")
        ended = CopyCompleted(
            state=self.scene.copy(request, "done"),
            object=request.destination.object,
            destination=request.destination,
            receipt=receipt,
        )
        return await self.scene.bench.handle(ended)

    async def failed(self, request: CopyRequested, error: Exception) -> list[Message]:
        """The copy ends badly."""
        ended = CopyFailed(
            state=self.scene.copy(request, "failed"),
            destination=request.destination,
            error=error.problem,  # type: ignore[attr-defined]
        )
        return await self.scene.bench.handle(ended)

    async def cancelled(self, request: CopyRequested) -> list[Message]:
        """Its asker withdraws."""
        ended = CopyCancelled(
            state=self.scene.copy(request, "cancelled"), destination=request.destination, last=True
        )
        return await self.scene.bench.handle(ended)

    async def removals(self) -> list[RemoveObject]:
        """What agents are told to delete now."""
        before = len(await self.scene.bench.said())
        await self.scene.bench.run_timers("remove")
        said = (await self.scene.bench.said())[before:]
        return [message for message in said if isinstance(message, RemoveObject)]

    async def removed(self, order: RemoveObject, **told: object) -> list[Message]:
        """The agent has deleted it."""
        answer = ObjectRemoved(host_id=order.host_id, removal_id=order.removal_id)
        return await self.scene.bench.handle(
            answer.model_copy(update=told), source=f"agent/{order.host_id}"
        )

    async def replica(self, volume_id: str, store_id: str = "pool1") -> ReplicaView | None:
        """A volume's replica as it was shown last."""
        said = await self.scene.bench.said(VolumeChanged)
        views = [m.state for m in said if isinstance(m, VolumeChanged) and m.state.id == volume_id]
        return next((one for one in views[-1].replicas if one.store_id == store_id), None)


def requests(said: list[Message]) -> list[CopyRequested]:
    """The copies asked for."""
    return [message for message in said if isinstance(message, CopyRequested)]
