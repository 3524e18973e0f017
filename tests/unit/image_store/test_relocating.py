"""Objects moved between stores that stay, and stores that become caches once others have all."""

from typing import Any

import pytest
from image_store.handlers.demoting import demote_copied
from image_store.keeping.evacuating import follow
from image_store.model.balancing import Fill, even_out
from stowage_contracts.messages.image_store import (
    ChangeStore,
    CopyRequested,
    EvacuateStore,
    MoveReplicas,
    MovesPlanned,
    PlanMoves,
    RegisterSnapshot,
    StoreChanged,
    StoreDemoted,
)
from stowage_contracts.values import ObjectRef, ReplicaState, StoreState

from tests.unit.image_store.scene import CONTENT, Scene
from tests.unit.image_store.test_demoting import DEMOTE
from tests.unit.image_store.test_keeping import (
    T1,
    carry_out,
    kept,
    ready,
    shown,
    states,
    store_shown,
)

__all__ = ["ready"]


async def follow_all(scene: Scene) -> None:
    for step in (follow, demote_copied):
        async with scene.bench.tx() as tx:
            await step(tx, scene.bench.service.deps)


async def test_an_object_is_moved_to_the_store_named(ready: Scene) -> None:
    await ready.store("s2")
    await ready.store("s3")
    await ready.bench.handle(MoveReplicas(store_id="s1", objects=(T1,), to_store_ids=("s3",)))
    (request,) = await kept(ready)
    assert (request.source.store_id, request.destination.store_id) == ("s1", "s3")
    assert states(await shown(ready))["s1"] is ReplicaState.READY
    await carry_out(ready, request)
    assert await kept(ready) == []
    await ready.bench.run_intents()
    assert set(states(await shown(ready))) == {"s3"}
    assert ready.leftovers("s1") == []


async def test_what_is_there_already_is_only_dropped(ready: Scene) -> None:
    await ready.store("s2")
    move = MoveReplicas(store_id="s1", objects=(T1,), to_store_ids=("s2",))
    await ready.bench.handle(move)
    (request,) = await kept(ready)
    await ready.bench.handle(move)
    await carry_out(ready, request)
    assert await kept(ready) == []
    await ready.bench.run_intents()
    assert set(states(await shown(ready))) == {"s2"}


async def test_a_move_can_be_given_up(ready: Scene) -> None:
    await ready.bench.handle(MoveReplicas(store_id="s1", objects=(T1,), to_store_ids=("s9",)))
    assert await kept(ready) == []
    error = (await shown(ready)).error
    assert error is not None
    assert "no such image store" in error.cause
    await ready.bench.handle(MoveReplicas(store_id="s1", objects=(T1,), to_store_ids=()))
    assert await kept(ready) == []
    assert (await shown(ready)).error is None
    assert set(states(await shown(ready))) == {"s1"}


async def test_a_store_is_emptied_to_those_named_only(ready: Scene) -> None:
    await ready.store("s2")
    await ready.store("s3")
    order = EvacuateStore(store_id="s1", to_store_ids=("s3",), evacuation_id="e1")
    await ready.bench.handle(order)
    evacuation = (await store_shown(ready, "s1")).evacuation
    assert evacuation is not None
    assert (evacuation.id, evacuation.to_store_ids) == ("e1", ("s3",))
    (request,) = await kept(ready)
    assert request.destination.store_id == "s3"
    await carry_out(ready, request)
    await kept(ready)
    await ready.bench.run_intents()
    await follow_all(ready)
    view = await store_shown(ready, "s1")
    assert (view.evacuation, view.state) == (None, StoreState.DRAINING)
    assert view.evacuated is not None
    assert (view.evacuated.id, view.evacuated.empty) == ("e1", True)


async def test_a_store_becomes_a_cache_once_others_have_what_it_holds(ready: Scene) -> None:
    before = ready.leftovers("s1")
    await ready.store("s2")
    await ready.bench.handle(DEMOTE.model_copy(update={"copy_first": True}))
    evacuation = (await store_shown(ready, "s1")).evacuation
    assert evacuation is not None
    assert evacuation.objects_left == 1
    await follow_all(ready)
    assert await ready.bench.said(StoreDemoted) == []
    (request,) = await kept(ready)
    assert request.destination.store_id == "s2"
    await carry_out(ready, request)
    assert await kept(ready) == []
    assert states(await shown(ready))["s1"] is ReplicaState.READY
    await follow_all(ready)
    (demoted,) = await ready.bench.said(StoreDemoted)
    assert isinstance(demoted, StoreDemoted)
    assert demoted.cache.id == "c1"
    await ready.bench.run_intents()
    assert set(before) <= set(ready.leftovers("s1"))
    assert set(states(await shown(ready))) == {"s2"}


async def test_a_refusal_names_the_order_it_answers(ready: Scene) -> None:
    await ready.bench.handle(DEMOTE.model_copy(update={"asked": "a1"}))
    said = (await ready.bench.said(StoreChanged))[-1]
    assert isinstance(said, StoreChanged)
    assert said.state.error is not None
    assert said.state.error.details["asked"] == "a1"


async def chain(scene: Scene) -> None:
    """Snapshots a ← b on s1, and c alone."""
    for key, parent in (("a", None), ("b", "a"), ("c", None)):
        what = ObjectRef(kind="snapshot", id=key)
        order = RegisterSnapshot(
            snapshot_id=key,
            account_id="a1",
            name=key,
            sealed_url=scene.sealed("https://x/y", what),
            format="raw",
            scope=scene.registration().scope,
            parent_id=parent,
            copy_id=f"copy-{key}",
        )
        said = await scene.bench.handle(order)
        await carry_out(scene, next(m for m in said if isinstance(m, CopyRequested)))


async def planned(scene: Scene, **asked: Any) -> MovesPlanned:
    answer = await scene.bench.ask(PlanMoves(store_id="s1", **asked))
    assert isinstance(answer, MovesPlanned)
    return answer


async def test_snapshots_move_with_all_they_stand_on(ready: Scene) -> None:
    await chain(ready)
    named = (ObjectRef(kind="snapshot", id="b"), ObjectRef(kind="template", id="nothing"))
    plan = await planned(ready, to_store_ids=("s2",), objects=named)
    told = [(str(move.object), move.possible) for move in plan.moves]
    assert told == [("snapshot/b", True), ("template/nothing", False), ("snapshot/a", True)]
    await ready.store("s2")
    await ready.bench.handle(MoveReplicas(store_id="s1", objects=named[:1], to_store_ids=("s2",)))
    assert len(await kept(ready)) == 2


async def test_evening_out_leaves_chains(ready: Scene) -> None:
    await chain(ready)
    await ready.store("s2")
    for store_id, room in (("s1", 1 << 40), ("s2", 1 << 60)):
        await ready.bench.handle(ChangeStore(store_id=store_id, capacity_bytes=room))
    plan = await planned(ready, to_store_ids=("s2",))
    told = {(str(move.object), move.to_store_id) for move in plan.moves}
    assert told == {("template/t1", "s2"), ("snapshot/c", "s2")}
    back = await ready.bench.ask(PlanMoves(store_id="s2", to_store_ids=("s1",)))
    assert back == MovesPlanned(store_id="s2", moves=())


def test_what_evens_stores_out() -> None:
    full, empty = Fill("s1", 90, 100), Fill("s2", 0, 100)
    sizes = [("a", 40), ("b", 30), ("c", 10), ("d", 10), ("e", 0)]
    assert even_out(full, [empty], sizes) == [("a", "s2")]
    assert even_out(full, [Fill("s2", 90, 100)], sizes) == []
    third = Fill("s3", 0, 1000)
    assert even_out(full, [empty, third], sizes)[:2] == [("a", "s2"), ("b", "s3")]
    endless = Fill("s4", 0, None)
    assert even_out(full, [endless], sizes) == [("a", "s4")]


@pytest.mark.parametrize("capacity", [5, 1 << 30])
async def test_a_store_may_be_told_what_it_holds(ready: Scene, capacity: int) -> None:
    await ready.bench.handle(ChangeStore(store_id="s1", capacity_bytes=capacity))
    assert (await store_shown(ready, "s1")).total_bytes == capacity
    await ready.bench.run_intents()
    assert (await store_shown(ready, "s1")).total_bytes == capacity
    assert len(CONTENT) > 5
