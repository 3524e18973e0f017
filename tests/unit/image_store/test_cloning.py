"""A store copies from another one of its server: made, read back, told; or undone and told."""

from dataclasses import dataclass

import pytest
from stowage_contracts.errors import Conflict, InvalidInput, Retry, Unavailable
from stowage_contracts.message import Message
from stowage_contracts.messages.data_motion import CloneHop, HopCommitFailed, HopCommitted
from stowage_contracts.messages.image_store import (
    ChangeObject,
    CopyRequested,
    DeleteTemplate,
    ReplicaReady,
)
from stowage_contracts.values import ObjectRef, Receipt, ReplicaState
from stowage_stores.memory.shelf import Stored

from tests.unit.image_store.lab import LabProvider
from tests.unit.image_store.scene import Scene
from tests.unit.image_store.shelves import Shelves, digest

T1 = ObjectRef(kind="template", id="t1")


@dataclass
class Cloning:
    """Template t1 on store s1; a second replica of it is asked for on s2, of the same server."""

    shelves: Shelves
    order: CloneHop

    async def say(self, **changes: object) -> list[Message]:
        return await self.shelves.scene.bench.handle(self.order.model_copy(update=changes))

    async def made(self) -> None:
        await self.say()
        await self.shelves.settle()

    async def failed(self) -> HopCommitFailed:
        (said,) = await self.shelves.scene.bench.said(HopCommitFailed)
        assert isinstance(said, HopCommitFailed)
        return said

    async def state(self) -> ReplicaState:
        replicas = {r.store_id: r for r in (await self.shelves.template()).replicas}
        return replicas["s2"].state

    @property
    def stored(self) -> dict[str, Stored]:
        return self.shelves.lab.shelves["two"].objects


@pytest.fixture
async def cloning(scene: Scene, lab: LabProvider) -> Cloning:
    shelves = Shelves(scene, lab)
    await shelves.begin()
    await shelves.ready()
    await shelves.store("s2", "two")
    await scene.bench.handle(ChangeObject(object=T1, min_copies=2))
    await scene.bench.run_timers("keep")
    requests = [m for m in await scene.bench.said() if isinstance(m, CopyRequested)]
    asked = requests[-1]
    order = CloneHop(
        hop_id="hop1",
        copy_id=asked.copy_id,
        epoch=1,
        generation=1,
        source=asked.source,
        destination=asked.destination,
        receipt=Receipt(size=asked.size or 0, digest=asked.digest or ""),
    )
    return Cloning(shelves, order)


async def test_both_ends_say_that_they_are_of_one_server(cloning: Cloning) -> None:
    ends = cloning.order.source, cloning.order.destination
    assert [(end.store_id, end.server) for end in ends] == [("s1", "lab"), ("s2", "lab")]


async def test_it_is_told_only_when_an_agent_has_read_it_back(cloning: Cloning) -> None:
    await cloning.made()
    assert cloning.stored[cloning.order.destination.key].content == b"disk"
    assert await cloning.say() == []
    assert await cloning.state() is ReplicaState.CREATING
    assert await cloning.shelves.judge() == 1
    assert await cloning.state() is ReplicaState.READY
    told = HopCommitted(
        hop_id="hop1", copy_id=cloning.order.copy_id, epoch=1, digest=digest(b"disk")
    )
    assert await cloning.say() == [told]
    assert await cloning.say() == [told]
    made = await cloning.shelves.scene.bench.said(ReplicaReady)
    assert [m.store_id for m in made if isinstance(m, ReplicaReady)] == ["s1", "s2"]


async def test_an_order_that_is_repeated_makes_one_copy(cloning: Cloning) -> None:
    await cloning.say()
    await cloning.made()
    copies = [did for did in cloning.shelves.lab.diary.did if did.startswith("copy")]
    assert len(copies) == 1


async def test_an_older_epoch_is_not_heard(cloning: Cloning) -> None:
    await cloning.say(epoch=3)
    await cloning.shelves.settle()
    await cloning.shelves.judge()
    assert await cloning.say(epoch=2) == []


async def test_other_bytes_than_the_objects_are_refused_and_deleted(cloning: Cloning) -> None:
    await cloning.made()
    cloning.stored[cloning.order.destination.key] = Stored(b"rot!", "hop1.1")
    await cloning.shelves.judge()
    await cloning.shelves.settle()
    assert cloning.stored == {}
    await cloning.say()
    error = (await cloning.failed()).error
    assert (error.code, error.retry) == ("image.digest", Retry.FINAL)


@pytest.mark.parametrize(
    "refusal", [InvalidInput("not on this server"), Conflict("other size", code="size")]
)
async def test_what_a_store_refuses_leaves_nothing_and_agents_may_carry_it(
    cloning: Cloning, refusal: InvalidInput | Conflict
) -> None:
    cloning.shelves.lab.diary.failing[f"copy {cloning.order.destination.key}"] = refusal
    await cloning.made()
    assert cloning.stored == {}
    error = (await cloning.failed()).error
    assert (error.code, error.retry) == (refusal.code, Retry.ELSEWHERE)
    assert await cloning.state() is ReplicaState.CREATING
    assert await cloning.say() == []
    scene, ask = cloning.shelves.scene, await _asked(cloning)
    grant = (await scene.redeem(ask, ask.destination.grant.id, epoch=2, size=4)).grant
    assert grant.writes


async def _asked(cloning: Cloning) -> CopyRequested:
    said = await cloning.shelves.scene.bench.said(CopyRequested)
    return next(m for m in reversed(said) if isinstance(m, CopyRequested))


async def test_a_store_that_is_away_is_asked_again(cloning: Cloning) -> None:
    key = f"copy {cloning.order.destination.key}"
    cloning.shelves.lab.diary.failing[key] = Unavailable("away")
    await cloning.made()
    assert cloning.stored == {}
    await cloning.shelves.scene.pass_seconds(60)
    await cloning.shelves.settle()
    assert list(cloning.stored) == [cloning.order.destination.key]


async def test_somebody_elses_object_at_the_place_stays(cloning: Cloning) -> None:
    key = cloning.order.destination.key
    cloning.shelves.lab.put(key, b"theirs", "two")
    taken = Conflict("another object is there", code="exists")
    cloning.shelves.lab.diary.failing[f"copy {key}"] = taken
    await cloning.made()
    assert cloning.stored[key].content == b"theirs"
    assert (await cloning.failed()).error.code == "conflict.exists"


async def test_a_template_deleted_meanwhile_leaves_nothing(cloning: Cloning) -> None:
    await cloning.say()
    await cloning.shelves.scene.bench.handle(DeleteTemplate(template_id="t1"))
    await cloning.shelves.settle()
    await cloning.shelves.judge()
    await cloning.shelves.settle()
    assert cloning.stored == {}
    await cloning.say()
    assert await cloning.shelves.scene.bench.said(HopCommitted) == []
    assert (await cloning.failed()).error.retry is Retry.FINAL
