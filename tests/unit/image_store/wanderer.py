"""A long walk of everything at once over real stores, and what must hold at each step."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from stowage_contracts.errors import NotFound, OutOfSpace, StowageError
from stowage_contracts.message import Message
from stowage_contracts.messages.data_motion import CancelCopy, CopyCancelled, CopyFailed
from stowage_contracts.messages.hypervisor_agent import InspectObject, ObjectInspected
from stowage_contracts.messages.image_store import (
    AdoptStore,
    ChangeObject,
    CopyRequested,
    DeleteReplica,
    DeleteTemplate,
    EvacuateStore,
    ProbeStore,
    ScanStore,
    StopEvacuation,
    TemplateChanged,
    VerifyReplica,
)
from stowage_contracts.values import ObjectRef, ReplicaState, Scope

from tests.unit.image_store.scene import CONTENT, DIGEST, Scene, accepted

STORES = ("s1", "s2", "s3")
OTHER = "sha256-tree-4m:" + "cd" * 32
_MINUTES = 30
_MOST = 4
"""Templates that are Ready before no more are registered."""
_TIMERS = (
    "send-inspections",
    "keep",
    "follow-evacuations",
    "scrub",
    "abandon-uploads",
    "ask-again",
    "tell-lifecycles",
    "release-parents",
)


@dataclass
class Wanderer:
    """An operator, agents and data-motion who do whatever comes to their mind."""

    scene: Scene
    random: Random
    templates: int = 0
    heard: int = 0
    copies: dict[str, CopyRequested] = field(default_factory=dict)
    orders: dict[str, InspectObject] = field(default_factory=dict)
    told: list[Message] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    async def begin(self) -> None:
        """Three stores in one zone."""
        await self.scene.zone()
        for store_id in STORES:
            await self.scene.store(store_id)
        await self.settle()

    async def step(self) -> None:
        """One thing, and what it must not do."""
        before = await self.good()
        deed = self.random.choice(self._deeds())
        self.log.append(deed.__name__)
        spared = await deed()
        await self._listen()
        after = await self.good()
        for template, stores in before.items():
            assert after.get(template) or not stores or template == spared, self.log
        assert not await self.lies(), self.log

    def _deeds(self) -> list[Callable[[], Awaitable[str | None]]]:
        often = [
            self.register,
            self.register,
            self.copy,
            self.copy,
            self.copy,
            self.copy,
            self.judge,
            self.work,
            self.work,
            self.tick,
        ]
        often += [self.die, self.wait, self.change, self.replay, self.replay]
        return [*often, self.drop, self.verify, self.evacuate, self.stop, self.upkeep, self.delete]

    async def say(self, message: Message) -> None:
        """Told, and remembered to be told again."""
        self.told.append(message)
        await self.scene.bench.handle(message, source="agent/h1")

    async def register(self) -> None:
        if len(await self.good()) >= _MOST:
            return
        self.templates += 1
        name = f"t{self.templates}"
        await self.say(
            self.scene.registration(
                template_id=name,
                copy_id=f"copy-{name}",
                scope=self.random.choice([Scope.region(), Scope.zone("z1")]),
                min_copies=self.random.choice([1, 2]),
                sealed_url=self.scene.sealed("http://images.example/a", self.what(name)),
            )
        )

    async def copy(self) -> None:
        """An agent and data-motion carry a copy out, or it fails, or is cancelled."""
        if not self.copies:
            return
        copy_id = self.random.choice(sorted(self.copies))
        await self._end_copy(copy_id, self.random.random())

    async def _end_copy(self, copy_id: str, luck: float) -> None:
        request = self.copies.pop(copy_id)
        try:
            if luck < 0.2:
                raise OutOfSpace("disk full")
            hop = f"hop-{copy_id}"
            await self.scene.write(request, hop_id=hop)
            said = await self.scene.commit(request, hop_id=hop)
            if not any(type(one).__name__ == "HopCommitted" for one in said):
                raise OutOfSpace("not committed")
        except StowageError as error:
            state = self.scene.copy(request, "failed")
            if luck < 0.1:
                state = self.scene.copy(request, "cancelled")
                await self.say(
                    CopyCancelled(state=state, destination=request.destination, last=True)
                )
            else:
                failed = CopyFailed(
                    state=state, destination=request.destination, error=error.problem
                )
                await self.say(failed)
        else:
            verdict = accepted() if luck < 0.7 else None
            await self.say(self.scene.completed(request, verdict))

    async def judge(self) -> None:
        if not self.orders:
            return
        order = self.orders.pop(self.random.choice(sorted(self.orders)))
        await self.say(self.report(order))

    def report(self, order: InspectObject) -> ObjectInspected:
        """What a true agent says of stored bytes."""
        said = ObjectInspected(inspection_id=order.inspection_id, host_id=order.host_id)
        path = self.scene.folder / str(order.object.store_id) / str(order.object.key)
        if not path.exists():
            return said.model_copy(update={"error": NotFound("gone", resource="x").problem})
        same = path.read_bytes() == CONTENT
        read = {"size": path.stat().st_size, "digest": DIGEST if same else OTHER}
        return said.model_copy(update={"verdict": accepted(), **read})

    async def work(self) -> None:
        await self.scene.bench.run_intents()

    async def die(self) -> None:
        """Side effects are carried out by somebody who is killed before it can tell."""
        bench = self.scene.bench
        kinds = {kind.name: kind for kind in bench.service.intents}
        for row in await bench.database.fetch("runtime.pending"):
            kind = kinds[row["kind"]]
            work = kind.payload.model_validate(row["payload"])
            with suppress(StowageError):
                await kind.run(work, bench.desk, bench.service.deps)

    async def tick(self) -> None:
        await self.scene.bench.run_timers(*_TIMERS)

    async def wait(self) -> None:
        await self.scene.bench.pass_time(timedelta(seconds=self.random.choice([1, 5, 70, 700])))
        await self.scene.bench.handle(self.scene.joined(), source="agent/h1")

    async def change(self) -> None:
        copies = self.random.choice([1, 2, 3])
        highest = self.random.choice([None, copies, -1])
        wish = ChangeObject(object=self.any(), min_copies=copies, max_copies=highest)
        await self.say(wish)

    async def replay(self) -> None:
        """An old message comes once more, as a new one."""
        if self.told:
            late = self.random.choice(self.told)
            self.log.append(type(late).__name__)
            await self.scene.bench.handle(late, source="agent/h1")

    async def drop(self) -> None:
        await self.say(DeleteReplica(object=self.any(), store_id=self.store()))

    async def verify(self) -> None:
        await self.say(VerifyReplica(object=self.any(), store_id=self.store()))

    async def evacuate(self) -> None:
        await self.say(EvacuateStore(store_id=self.store()))

    async def stop(self) -> None:
        store_id = self.store()
        await self.say(StopEvacuation(store_id=store_id))
        async with self.scene.bench.database.begin() as connection:
            await connection.execute(
                "UPDATE image_data_store SET state = 'Up' WHERE id = $1 AND evacuation IS NULL",
                store_id,
            )

    async def upkeep(self) -> None:
        kind: Any = self.random.choice([ScanStore, AdoptStore, ProbeStore])
        await self.say(kind(store_id=self.store()))

    async def delete(self) -> str | None:
        if self.random.random() < 0.8:
            return None
        gone = self.any().id
        self.told = [one for one in self.told if getattr(one, "template_id", "") != gone]
        await self.say(DeleteTemplate(template_id=gone))
        return gone

    def any(self) -> ObjectRef:
        """One of those registered last."""
        last = max(1, self.templates)
        return self.what(f"t{self.random.randint(max(1, last - _MOST), last)}")

    def what(self, name: str) -> ObjectRef:
        return ObjectRef(kind="template", id=name)

    def store(self) -> str:
        return self.random.choice(STORES)

    async def _listen(self) -> None:
        said = await self.scene.bench.said()
        for one in said[self.heard :]:
            if isinstance(one, CopyRequested):
                self.copies[one.copy_id] = one
            elif isinstance(one, InspectObject):
                self.orders[one.inspection_id] = one
            elif isinstance(one, CancelCopy) and one.copy_id in self.copies:
                await self._end_copy(one.copy_id, 0.05)
        self.heard = len(said)

    async def rows(self, query: str) -> list[Any]:
        async with self.scene.bench.database.begin() as connection:
            return list(await connection.fetch(query))

    async def replicas(self) -> list[Any]:
        return await self.rows("SELECT * FROM object_store_ref WHERE role = 'Image'")

    async def good(self) -> dict[str, set[str]]:
        """Where each template is Ready."""
        found: dict[str, set[str]] = {}
        for ref in await self.replicas():
            if ref["state"] == ReplicaState.READY:
                found.setdefault(ref["object_id"], set()).add(ref["store_id"])
        return found

    async def lies(self) -> list[str]:
        """Replicas said to be Ready whose bytes are not there."""
        return [
            f"{ref['object_id']} on {ref['store_id']}"
            for ref in await self.replicas()
            if ref["state"] == ReplicaState.READY and not self.path(ref).exists()
        ]

    def path(self, ref: Any) -> Path:
        return self.scene.folder / str(ref["store_id"]) / str(ref["install_path"])

    async def settle(self) -> None:
        """Everybody does what is due, until nobody has anything to do."""
        for _ in range(_MINUTES):
            await self.tick()
            while await self.scene.bench.run_intents():
                pass
            await self._listen()
            for copy_id in sorted(self.copies):
                await self._end_copy(copy_id, 0.5)
            for order in [self.orders.pop(each) for each in sorted(self.orders)]:
                await self.say(self.report(order))
            await self.scene.bench.pass_time(timedelta(seconds=61))
            await self.scene.bench.handle(self.scene.joined(), source="agent/h1")

    async def views(self) -> dict[str, set[tuple[str, str]]]:
        """Replicas of each template as it was shown last."""
        shown = {}
        for one in await self.scene.bench.said(TemplateChanged):
            assert isinstance(one, TemplateChanged)
            shown[one.state.id] = {(ref.store_id, str(ref.state)) for ref in one.state.replicas}
        return shown
