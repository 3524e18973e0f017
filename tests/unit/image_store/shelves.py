"""Steps on the lab's store: templates made Ready on its shelf, agents that read it back."""

from dataclasses import dataclass, field
from hashlib import sha256

from stowage_contracts.messages.hypervisor_agent import InspectObject, ObjectInspected
from stowage_contracts.messages.image_store import (
    CopyRequested,
    FindingsListed,
    ListFindings,
    ScanStore,
    StoreAdded,
    StoreChanged,
    TemplateChanged,
)
from stowage_contracts.views import StoreView, TemplateView
from stowage_runtime.secrets import Sealer

from tests.unit.image_store.lab import LabProvider
from tests.unit.image_store.scene import Scene, accepted


def digest(content: bytes) -> str:
    """What an agent would call the content; short contents have one leaf."""
    return "sha256-tree-4m:" + sha256(content).hexdigest()


@dataclass
class Shelves:
    """A zone with one host and the lab's store s1."""

    scene: Scene
    lab: LabProvider
    shelf_of: dict[str, str] = field(default_factory=dict)

    async def begin(self) -> None:
        """Zone, host, store; every host told."""
        await self.scene.zone()
        joined = self.scene.joined()
        able = joined.abilities.model_copy(update={"reads": ("http", "memory")})
        joined = joined.model_copy(update={"abilities": able})
        await self.scene.bench.handle(joined, source="agent/h1")
        await self.store()

    async def store(self, store_id: str = "s1", shelf: str = "lab") -> None:
        """A store of the lab."""
        self.shelf_of[store_id] = shelf
        await self.scene.store(store_id, settings={"shelf": shelf}, provider="lab")
        await self.scene.bench.run_intents()

    async def requested(self, template_id: str = "t1", **changes: object) -> CopyRequested:
        """A template on its way."""
        sealed = self.sealed("http://images.example/a", template_id)
        message = self.scene.registration(
            template_id=template_id, copy_id=f"copy-{template_id}", sealed_url=sealed, **changes
        )
        said = await self.scene.bench.handle(message)
        return next(m for m in said if isinstance(m, CopyRequested))

    def sealed(self, url: str, template_id: str) -> str:
        """A template's URL as the gateway seals it."""
        public = self.scene.keys["stowage_seal_public_key_image_store"]
        return Sealer.seal(public, url.encode(), f"template/{template_id}")

    async def ready(self, template_id: str = "t1", content: bytes = b"disk") -> str:
        """A template that is Ready with that content; its key."""
        request = await self.requested(template_id)
        self.lab.put(request.destination.key, content)
        done = self.scene.completed(request, accepted())
        assert done.receipt is not None
        told = {"size": len(content), "digest": digest(content)}
        receipt = done.receipt.model_copy(update=told)
        await self.scene.bench.handle(done.model_copy(update={"receipt": receipt}))
        return request.destination.key

    async def settle(self) -> None:
        """Carry out what is due."""
        while await self.scene.bench.run_intents():
            continue

    async def scan(self, times: int = 1) -> StoreView:
        """Compare the store, so many times."""
        for _ in range(times):
            await self.scene.bench.handle(ScanStore(store_id="s1"))
            await self.settle()
        return await self.view()

    async def view(self, store_id: str = "s1") -> StoreView:
        """The store as it was shown last."""
        said = await self.scene.bench.said(StoreAdded, StoreChanged)
        views = [m.state for m in said if isinstance(m, StoreAdded | StoreChanged)]
        return [view for view in views if view.id == store_id][-1]

    async def template(self, template_id: str = "t1") -> TemplateView:
        """A template as it was shown last."""
        said = await self.scene.bench.said(TemplateChanged)
        views = [m.state for m in said if isinstance(m, TemplateChanged)]
        return [view for view in views if view.id == template_id][-1]

    async def findings(self) -> FindingsListed:
        """Everything the scans know."""
        reply = await self.scene.bench.ask(ListFindings(store_id="s1"))
        assert isinstance(reply, FindingsListed)
        return reply

    async def judge(self, accept: bool = True) -> int:
        """The agent reads what it is sent, truly, until nothing more comes; how many there were."""
        total = 0
        while judged := await self._judge(accept):
            total += judged
            await self.scene.pass_seconds(2)
        return total

    async def _judge(self, accept: bool) -> int:
        before = len(await self.scene.bench.said())
        await self.scene.bench.run_timers("send-inspections")
        sent = (await self.scene.bench.said())[before:]
        asked = [m for m in sent if isinstance(m, InspectObject)]
        for one in asked:
            shelf = self.lab.shelves[self.shelf_of[str(one.object.store_id)]]
            content = shelf.objects[str(one.object.key)].content
            verdict = accepted(len(content)).model_copy(update={"accepted": accept})
            if not accept:
                verdict = verdict.model_copy(update={"code": "image.hostile", "reason": "hostile"})
            said = ObjectInspected(
                inspection_id=one.inspection_id,
                host_id=one.host_id,
                verdict=verdict,
                size=len(content),
                digest=digest(content),
            )
            await self.scene.bench.handle(said)
        return len(asked)
