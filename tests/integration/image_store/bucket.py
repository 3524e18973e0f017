"""Steps on a store that is a bucket: written through its grants, looked at with a client."""

import json
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession
from stowage_contracts.messages.hypervisor_agent import InspectObject, ObjectInspected
from stowage_contracts.messages.image_store import (
    CopyRequested,
    FindingsListed,
    GrantRedeemed,
    ListFindings,
    RedeemGrant,
    ScanStore,
    StoreAdded,
    StoreChanged,
    StoreDegraded,
    TemplateChanged,
)
from stowage_contracts.values import ObjectKind, ObjectRef
from stowage_contracts.views import StoreView, TemplateView
from stowage_runtime.secrets import Sealer

from tests.servers.s3 import S3Server
from tests.unit.image_store.scene import CONTENT, DIGEST, Scene, accepted


@dataclass
class Bucket:
    """Store s1 of zone z1."""

    scene: Scene
    server: S3Server
    name: str

    async def add(self, **settings: Any) -> None:
        """Zone, host, and the bucket as a store."""
        await self.scene.zone()
        where = {"endpoint": self.server.endpoint, "bucket": self.name, **settings}
        await self.scene.store("s1", provider="S3", settings=where, sealed=self.sealed())
        await self.settle()

    def sealed(self, **changes: str) -> str:
        """Both keys, as the gateway seals them."""
        keys = {"access_key": self.server.access_key, "secret_key": self.server.secret_key}
        public = self.scene.keys["stowage_seal_public_key_image_store"]
        return Sealer.seal(public, json.dumps(keys | changes).encode(), "image_data_store/s1")

    async def ready(self, template_id: str = "t1") -> str:
        """A template that is Ready in the bucket; its key."""
        request = await self.requested(template_id)
        await self.write(request)
        await self.scene.commit(request, hop_id=f"hop-{template_id}")
        await self.scene.complete(request, accepted())
        await self.settle()
        return request.destination.key

    async def requested(self, template_id: str = "t1") -> CopyRequested:
        """A template on its way."""
        what = ObjectRef(kind=ObjectKind.TEMPLATE, id=template_id)
        message = self.scene.registration(
            template_id=template_id,
            copy_id=f"copy-{template_id}",
            sealed_url=self.scene.sealed("http://images.example/a", what),
        )
        said = await self.scene.bench.handle(message)
        return next(m for m in said if isinstance(m, CopyRequested))

    async def write(self, request: CopyRequested) -> None:
        """Put the content where the grant says, as an agent does."""
        ask = RedeemGrant(
            grant_id=request.destination.grant.id,
            ticket=self.scene.ticket(request),
            size=len(CONTENT),
            part_count=1,
        )
        reply = await self.scene.bench.ask(ask, source="agent/h1")
        assert isinstance(reply, GrantRedeemed)
        (part,) = reply.grant.parts
        async with ClientSession() as http:
            answer = await http.put(part.url.get_secret_value(), data=CONTENT)
            assert answer.status == 200

    async def settle(self) -> None:
        """Carry out what is due."""
        while await self.scene.bench.run_intents():
            continue

    async def scan(self) -> StoreView:
        """Compare the bucket with the catalogue."""
        await self.scene.bench.handle(ScanStore(store_id="s1"))
        await self.settle()
        return await self.view()

    async def findings(self) -> FindingsListed:
        """What the scans found."""
        reply = await self.scene.bench.ask(ListFindings(store_id="s1"))
        assert isinstance(reply, FindingsListed)
        return reply

    async def view(self) -> StoreView:
        """The store as it was shown last."""
        said = await self.scene.bench.said(StoreAdded, StoreChanged, StoreDegraded)
        return [m.state for m in said if m.state.id == "s1"][-1]  # type: ignore[attr-defined,no-any-return]

    async def template(self, template_id: str = "t1") -> TemplateView:
        """A template as it was shown last."""
        said = await self.scene.bench.said(TemplateChanged)
        views = [m.state for m in said if isinstance(m, TemplateChanged)]
        return [view for view in views if view.id == template_id][-1]

    async def judge(self, digest: str = DIGEST) -> int:
        """The agent tells that digest of all it is sent; how many there were."""
        total = 0
        while judged := await self._judge(digest):
            total += judged
            await self.scene.pass_seconds(2)
        return total

    async def _judge(self, digest: str) -> int:
        before = len(await self.scene.bench.said())
        await self.scene.bench.run_timers("send-inspections")
        asked = [
            m for m in (await self.scene.bench.said())[before:] if isinstance(m, InspectObject)
        ]
        for one in asked:
            said = ObjectInspected(
                inspection_id=one.inspection_id,
                host_id=one.host_id,
                verdict=accepted(),
                size=len(CONTENT),
                digest=digest,
            )
            await self.scene.bench.handle(said)
        return len(asked)
