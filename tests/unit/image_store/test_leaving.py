"""An object that is wanted in one zone less, by real rows."""

from stowage_contracts.messages.image_store import (
    AddZone,
    CopyRequested,
    CopyToZone,
    LeaveZone,
    TemplateChanged,
)
from stowage_contracts.values import ObjectRef, Scope
from stowage_contracts.views import TemplateView

from tests.unit.image_store.scene import Scene, accepted

T1 = ObjectRef(kind="template", id="t1")


async def last(scene: Scene) -> TemplateView:
    said = (await scene.bench.said(TemplateChanged))[-1]
    assert isinstance(said, TemplateChanged)
    return said.state


async def carry_out(scene: Scene, request: CopyRequested) -> None:
    hop = f"hop-{request.copy_id}"
    await scene.write(request, hop_id=hop)
    await scene.commit(request, hop_id=hop)
    await scene.complete(request, accepted())


async def two_zones(scene: Scene) -> CopyRequested:
    """The copy that the keeper asks for, into the second zone."""
    first = await scene.requested()
    await scene.bench.handle(AddZone(zone_id="z2", name="two"))
    await scene.store("s2", scope=Scope.zone("z2"))
    await carry_out(scene, first)
    await scene.bench.handle(CopyToZone(object=T1, zone_id="z2"))
    await scene.pass_seconds(1)
    await scene.bench.run_timers("keep")
    second = (await scene.bench.said(CopyRequested))[-1]
    assert isinstance(second, CopyRequested)
    assert second.copy_id != first.copy_id
    return second


async def test_an_object_leaves_a_zone_with_its_bytes(scene: Scene) -> None:
    await carry_out(scene, await two_zones(scene))
    assert [(z.zone_id, z.ready) for z in (await last(scene)).zones] == [("z1", True), ("z2", True)]
    await scene.bench.handle(LeaveZone(object=T1, zone_id="z1"))
    await scene.bench.run_intents()
    left = await last(scene)
    assert [(z.zone_id, z.ready) for z in left.zones] == [("z2", True)]
    assert [r.store_id for r in left.replicas] == ["s2"]
    assert left.error is None
    await scene.bench.handle(LeaveZone(object=T1, zone_id="z2"))
    told = (await last(scene)).error
    assert told is not None
    assert told.code == "conflict.last_zone"


async def test_the_last_good_replica_is_not_given_up(scene: Scene) -> None:
    await two_zones(scene)
    await scene.bench.handle(LeaveZone(object=T1, zone_id="z1"))
    told = await last(scene)
    assert told.error is not None
    assert told.error.code == "conflict.last_replica"
    assert len(told.zones) == 2


async def test_a_copy_on_its_way_there_is_called_off(scene: Scene) -> None:
    await two_zones(scene)
    await scene.bench.handle(LeaveZone(object=T1, zone_id="z2"))
    assert [z.zone_id for z in (await last(scene)).zones] == ["z1"]
    assert [type(m).__name__ for m in await scene.bench.said()].count("CancelCopy") == 1
