"""The keeper: siblings, zones, repairs, scrubs and emptied stores, by real rows."""

import pytest
from stowage_contracts.errors import OutOfSpace
from stowage_contracts.message import Message
from stowage_contracts.messages.data_motion import CopyFailed
from stowage_contracts.messages.hypervisor_agent import InspectObject, ObjectInspected
from stowage_contracts.messages.image_store import (
    AddZone,
    ChangeObject,
    CopyRequested,
    CopyToZone,
    DeleteReplica,
    DeleteSnapshot,
    EvacuateStore,
    EvacuationPlanned,
    PlanEvacuation,
    RegisterSnapshot,
    ReplicaDamaged,
    StopEvacuation,
    StoreChanged,
    StoreRemoved,
    TemplateChanged,
    VerifyReplica,
)
from stowage_contracts.values import ObjectRef, ReplicaState, Scope, Verdict
from stowage_contracts.views import StoreView, TemplateView

from tests.unit.image_store.scene import CONTENT, DIGEST, Scene, accepted

T1 = ObjectRef(kind="template", id="t1")
OTHER = "sha256-tree-4m:" + "cd" * 32


@pytest.fixture
async def ready(scene: Scene) -> Scene:
    request = await scene.requested()
    await carry_out(scene, request)
    return scene


async def carry_out(scene: Scene, request: CopyRequested) -> list[Message]:
    """What an agent and data-motion do with a copy."""
    hop = f"hop-{request.copy_id}"
    await scene.write(request, hop_id=hop)
    await scene.commit(request, hop_id=hop)
    return await scene.complete(request, accepted())


async def kept(scene: Scene) -> list[CopyRequested]:
    """Copies the keeper asks for when it looks."""
    before = len(await scene.bench.said(CopyRequested))
    await scene.pass_seconds(1)
    await scene.bench.run_timers("keep")
    asked = (await scene.bench.said(CopyRequested))[before:]
    return [one for one in asked if isinstance(one, CopyRequested)]


async def shown(scene: Scene) -> TemplateView:
    changed = (await scene.bench.said(TemplateChanged))[-1]
    assert isinstance(changed, TemplateChanged)
    return changed.state


async def store_shown(scene: Scene, store_id: str) -> StoreView:
    said = await scene.bench.said(StoreChanged)
    return [m.state for m in said if isinstance(m, StoreChanged) and m.state.id == store_id][-1]


def states(view: TemplateView) -> dict[str, ReplicaState]:
    return {replica.store_id: replica.state for replica in view.replicas}


async def test_a_second_copy_comes_from_the_sibling_not_from_the_url(ready: Scene) -> None:
    await ready.store("s2")
    await ready.bench.handle(ChangeObject(object=T1, min_copies=2))
    (request,) = await kept(ready)
    assert (request.source.store_id, request.destination.store_id) == ("s1", "s2")
    assert (request.size, request.digest) == (len(CONTENT), DIGEST)
    await carry_out(ready, request)
    assert states(await shown(ready)) == {"s1": ReplicaState.READY, "s2": ReplicaState.READY}
    assert await kept(ready) == []


async def test_a_region_wide_template_follows_a_zone_that_comes_later(scene: Scene) -> None:
    await scene.zone()
    await scene.store()
    said = await scene.bench.handle(scene.registration(scope=Scope.region()))
    await carry_out(scene, next(m for m in said if isinstance(m, CopyRequested)))
    assert await kept(scene) == []
    await scene.bench.handle(AddZone(zone_id="z2", name="two"))
    assert await kept(scene) == []
    await scene.store("s2", scope=Scope.zone("z2"))
    (request,) = await kept(scene)
    assert request.destination.store_id == "s2"
    await carry_out(scene, request)
    view = await shown(scene)
    assert [(zone.zone_id, zone.ready) for zone in view.zones] == [("z1", True), ("z2", True)]


async def test_a_per_zone_template_is_brought_to_one_more_zone_when_asked(ready: Scene) -> None:
    await ready.bench.handle(AddZone(zone_id="z2", name="two"))
    await ready.store("s2", scope=Scope.zone("z2"))
    assert await kept(ready) == []
    await ready.bench.handle(CopyToZone(object=T1, zone_id="z2"))
    (request,) = await kept(ready)
    assert request.destination.store_id == "s2"


async def test_what_cannot_be_made_says_why_and_is_tried_again_later(ready: Scene) -> None:
    await ready.bench.handle(ChangeObject(object=T1, min_copies=2))
    assert await kept(ready) == []
    error = (await shown(ready)).error
    assert error is not None
    assert error.code == "conflict.no_store"
    await ready.store("s2")
    await ready.pass_seconds(30)
    (request,) = await kept(ready)
    await carry_out(ready, request)
    assert (await shown(ready)).error is None


async def test_a_failed_copy_is_made_anew_with_growing_patience(ready: Scene) -> None:
    await ready.store("s2")
    await ready.bench.handle(ChangeObject(object=T1, min_copies=2))
    (request,) = await kept(ready)
    full = OutOfSpace("disk full", resource="store/s2").problem
    failed = CopyFailed(
        state=ready.copy(request, "failed"), destination=request.destination, error=full
    )
    await ready.bench.handle(failed)
    assert (await shown(ready)).ready
    await ready.pass_seconds(5)
    assert await kept(ready) == []  # what failed is cleared away first
    error = (await shown(ready)).error
    assert error is not None
    assert error.code == "out_of_space"
    await ready.bench.run_intents()
    assert await kept(ready) == []
    await ready.pass_seconds(60)
    (again,) = await kept(ready)
    assert again.destination.store_id == "s2"


async def test_a_flipped_byte_is_found_shown_and_mended_from_the_sibling(ready: Scene) -> None:
    await second(ready)
    await ready.bench.handle(VerifyReplica(object=T1, store_id="s2"))
    said = await inspected(ready, digest=OTHER)
    assert any(isinstance(m, ReplicaDamaged) for m in said)
    assert states(await shown(ready))["s2"] is ReplicaState.FAILED
    assert await kept(ready) == []
    await ready.bench.run_intents()
    await ready.pass_seconds(5)
    (request,) = await kept(ready)
    assert (request.source.store_id, request.destination.store_id) == ("s1", "s2")
    await carry_out(ready, request)
    assert states(await shown(ready))["s2"] is ReplicaState.READY


async def test_the_only_replica_is_kept_however_damaged_and_may_come_back(ready: Scene) -> None:
    await ready.bench.handle(VerifyReplica(object=T1, store_id="s1"))
    await inspected(ready, digest=OTHER)
    view = await shown(ready)
    assert not view.ready
    assert await kept(ready) == []
    await ready.bench.run_intents()
    assert ready.leftovers("s1") != []
    await ready.bench.handle(VerifyReplica(object=T1, store_id="s1"))
    await inspected(ready, digest=DIGEST)
    assert (await shown(ready)).ready


async def test_a_scrub_reads_the_replica_that_was_not_read_for_longest(ready: Scene) -> None:
    await ready.bench.run_timers("scrub", "send-inspections")
    assert await ready.bench.said(InspectObject) == []
    await ready.pass_seconds(ready.bench.service.deps.settings.scrub_seconds + 1)
    await ready.bench.handle(ready.joined(), source="agent/h1")
    await ready.bench.run_timers("scrub")
    await inspected(ready, digest=DIGEST)
    (replica,) = (await shown(ready)).replicas
    assert replica.verified is not None
    await ready.bench.run_timers("scrub", "send-inspections")
    assert len(await ready.bench.said(InspectObject)) == 1


async def test_an_image_that_todays_gate_refuses_is_no_good_replica(ready: Scene) -> None:
    await ready.bench.handle(VerifyReplica(object=T1, store_id="s1"))
    refusal = Verdict(accepted=False, code="image.dirty", reason="a new rule", gate_version=9)
    await inspected(ready, digest=DIGEST, verdict=refusal)
    (replica,) = (await shown(ready)).replicas
    assert replica.error is not None
    assert (replica.state, replica.error.code) == (ReplicaState.FAILED, "image.dirty")
    assert ready.leftovers("s1") != []


async def test_an_agent_is_given_no_more_whole_objects_than_it_can_read(scene: Scene) -> None:
    await scene.zone()
    await scene.store()
    for name in ("one", "two", "three"):
        said = await scene.bench.handle(snapshot(scene, name, None))
        await carry_out(scene, next(m for m in said if isinstance(m, CopyRequested)))
        what = ObjectRef(kind="snapshot", id=name)
        await scene.bench.handle(VerifyReplica(object=what, store_id="s1"))
    await scene.bench.run_timers("send-inspections")
    assert len(await scene.bench.said(InspectObject)) == 2
    await inspected(scene, digest=DIGEST)
    await scene.pass_seconds(2)
    await scene.bench.run_timers("send-inspections")
    assert len(await scene.bench.said(InspectObject)) == 3


async def test_an_emptied_store_gives_everything_away_and_is_removed(ready: Scene) -> None:
    await ready.store("s2")
    plan = await ready.bench.ask(PlanEvacuation(store_id="s1"))
    assert isinstance(plan, EvacuationPlanned)
    assert [(m.object.id, m.to_store_id) for m in plan.moves] == [("t1", "s2")]
    assert plan.bytes_to_move == len(CONTENT)
    await ready.bench.handle(EvacuateStore(store_id="s1", remove=True))
    (request,) = await kept(ready)
    await ready.bench.run_timers("follow-evacuations")
    progress = (await store_shown(ready, "s1")).evacuation
    assert progress is not None
    assert (progress.objects_total, progress.objects_left) == (1, 1)
    await carry_out(ready, request)
    await kept(ready)
    await ready.bench.run_intents()
    await ready.bench.run_timers("follow-evacuations")
    await ready.bench.run_intents()
    assert await ready.bench.said(StoreRemoved) != []
    view = await shown(ready)
    assert states(view) == {"s2": ReplicaState.READY}
    assert ready.leftovers("s1") == []


async def test_an_evacuation_that_cannot_go_on_names_what_stands_in_its_way(ready: Scene) -> None:
    plan = await ready.bench.ask(PlanEvacuation(store_id="s1"))
    assert isinstance(plan, EvacuationPlanned)
    assert [move.possible for move in plan.moves] == [False]
    await ready.bench.handle(EvacuateStore(store_id="s1", remove=True))
    await kept(ready)
    await ready.bench.run_timers("follow-evacuations")
    progress = (await store_shown(ready, "s1")).evacuation
    assert progress is not None
    assert [problem.resource for problem in progress.blockers] == ["template/t1"]
    assert (await shown(ready)).ready
    await ready.bench.handle(StopEvacuation(store_id="s1"))
    assert (await store_shown(ready, "s1")).evacuation is None


@pytest.mark.parametrize("why", ["last_replica", "needed"])
async def test_a_replica_that_is_needed_is_not_deleted(ready: Scene, why: str) -> None:
    if why == "needed":
        await second(ready)
    await ready.bench.handle(DeleteReplica(object=T1, store_id="s1"))
    error = (await shown(ready)).error
    assert error is not None
    assert error.code == f"conflict.{why}"
    assert ready.leftovers("s1") != []


async def test_a_replica_that_is_not_needed_is_deleted_from_its_store(ready: Scene) -> None:
    await second(ready)
    await ready.bench.handle(ChangeObject(object=T1, min_copies=1))
    await ready.bench.handle(DeleteReplica(object=T1, store_id="s1"))
    await ready.bench.run_intents()
    assert states(await shown(ready)) == {"s2": ReplicaState.READY}
    assert ready.leftovers("s1") == []
    assert await kept(ready) == []


async def test_a_copy_that_reads_it_keeps_a_deleted_replicas_bytes(ready: Scene) -> None:
    await ready.store("s2")
    await ready.bench.handle(ChangeObject(object=T1, min_copies=2))
    (request,) = await kept(ready)
    await ready.bench.handle(DeleteReplica(object=T1, store_id="s1"))
    assert ready.leftovers("s1") != []
    await carry_out(ready, request)
    assert (await shown(ready)).ready


async def test_a_snapshot_keeps_its_bytes_while_another_stands_on_it(scene: Scene) -> None:
    await scene.zone()
    await scene.store()
    for name, parent in (("one", None), ("two", "one")):
        said = await scene.bench.handle(snapshot(scene, name, parent))
        await carry_out(scene, next(m for m in said if isinstance(m, CopyRequested)))
    await scene.bench.run_intents()
    both = scene.leftovers("s1")
    await scene.bench.handle(DeleteSnapshot(snapshot_id="one"))
    await scene.bench.run_timers("release-parents")
    await scene.bench.run_intents()
    assert scene.leftovers("s1") == both
    await scene.bench.handle(DeleteSnapshot(snapshot_id="two"))
    await scene.bench.run_intents()
    await scene.bench.run_timers("release-parents")
    await scene.bench.run_intents()
    assert scene.leftovers("s1") == []


def snapshot(scene: Scene, name: str, parent: str | None) -> RegisterSnapshot:
    what = ObjectRef(kind="snapshot", id=name)
    return RegisterSnapshot(
        snapshot_id=name,
        account_id="acme",
        name=name,
        sealed_url=scene.sealed("http://images.example/disk.qcow2", what),
        format="qcow2",
        scope=Scope.zone("z1"),
        copy_id=f"copy-{name}",
        parent_id=parent,
    )


async def second(scene: Scene) -> None:
    """A second Ready replica on s2, wished for."""
    await scene.store("s2")
    await scene.bench.handle(ChangeObject(object=T1, min_copies=2))
    (request,) = await kept(scene)
    await carry_out(scene, request)


async def inspected(scene: Scene, digest: str, verdict: Verdict | None = None) -> list[Message]:
    """An agent reads the replica that is to be verified and finds this digest."""
    await scene.bench.run_timers("send-inspections")
    order = (await scene.bench.said(InspectObject))[-1]
    assert isinstance(order, InspectObject)
    assert order.read_all
    report = ObjectInspected(
        inspection_id=order.inspection_id,
        host_id=order.host_id,
        verdict=verdict or accepted(),
        size=len(CONTENT),
        digest=digest,
    )
    return await scene.bench.handle(report, source=f"agent/{order.host_id}")
