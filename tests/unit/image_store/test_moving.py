"""Volumes move between pools and image stores: the old replica goes only after the new is Ready."""

import pytest
from stowage_contracts.errors import Unavailable
from stowage_contracts.messages.image_store import (
    CopyRequested,
    DeleteVolume,
    MoveVolume,
    ReplicaFailed,
    ReplicaReady,
)
from stowage_contracts.values import ReplicaState, ServiceName, StoreRole, Verdict

from tests.unit.image_store.pools import OTHER, PoolScene, requests
from tests.unit.image_store.scene import Scene

MOVE = MoveVolume(copy_id="move1", account_id="acme", volume_id="v1", store_id="s1")


@pytest.fixture
async def pool(scene: Scene) -> PoolScene:
    """Volume v1, whole, on pool1; the same host has pool2."""
    made = PoolScene(scene)
    await made.begin()
    joined = scene.joined()
    second = joined.pools[0].model_copy(update={"id": "pool2", "name": "two"})
    joined = joined.model_copy(update={"pools": (*joined.pools, second)})
    await scene.bench.handle(joined, source="agent/h1")
    (request,) = requests(await made.ask("v1"))
    await made.done(request)
    return made


async def move(pool: PoolScene, **changes: object) -> CopyRequested:
    (request,) = requests(await pool.scene.bench.handle(MOVE.model_copy(update=changes)))
    return request


async def code(pool: PoolScene, **changes: object) -> str:
    said = await pool.scene.bench.handle(MOVE.model_copy(update=changes))
    (failed,) = [m for m in said if isinstance(m, ReplicaFailed)]
    return failed.error.code


async def on_store(pool: PoolScene) -> CopyRequested:
    """The volume, moved to the image store."""
    request = await move(pool)
    judged = Verdict(accepted=True, format="qcow2", virtual_size=4096, gate_version=1)
    await arrive(pool, request, judged)
    for order in await pool.removals():
        await pool.removed(order)
    return request


async def arrive(pool: PoolScene, request: CopyRequested, verdict: Verdict) -> None:
    done = pool.scene.completed(request, verdict)
    assert done.receipt is not None
    receipt = done.receipt.model_copy(update={"digest": OTHER})
    await pool.scene.bench.handle(done.model_copy(update={"receipt": receipt}))


async def test_a_move_off_a_pool_promises_no_bytes_a_guest_may_have_changed(
    pool: PoolScene,
) -> None:
    request = await move(pool)
    assert request.moves
    assert (request.size, request.digest) == (None, None)
    assert request.source.grant.owner is ServiceName.HYPERVISOR_AGENT
    assert request.source.key == "v1.qcow2"
    assert (request.destination.role, request.destination.store_id) == (StoreRole.IMAGE, "s1")


async def test_the_source_goes_once_the_destination_is_ready(pool: PoolScene) -> None:
    request = await move(pool, store_id="pool2")
    assert await pool.removals() == []
    said = await pool.done(request, OTHER)
    assert [m.store_id for m in said if isinstance(m, ReplicaReady)] == ["pool2"]
    (order,) = await pool.removals()
    assert (order.store_id, order.key) == ("pool1", "v1.qcow2")
    await pool.removed(order)
    assert await pool.replica("v1") is None
    moved = await pool.replica("v1", "pool2")
    assert moved is not None
    assert moved.state is ReplicaState.READY


async def test_a_volume_moves_to_an_image_store_through_the_gate_and_back(pool: PoolScene) -> None:
    await on_store(pool)
    assert await pool.replica("v1") is None
    back = await move(pool, store_id="pool1", copy_id="move2")
    assert (back.source.store_id, back.digest) == ("s1", OTHER)
    await pool.done(back)
    await pool.settle()
    assert await pool.replica("v1", "s1") is None
    assert await pool.replica("v1") is not None


@pytest.mark.parametrize("end", ["failed", "cancelled"])
@pytest.mark.parametrize("to", ["s1", "pool2"])
async def test_a_move_that_does_not_end_well_leaves_only_the_source(
    pool: PoolScene, end: str, to: str
) -> None:
    request = await move(pool, store_id=to)
    if end == "failed":
        await pool.failed(request, Unavailable("the store is away"))
    else:
        await pool.cancelled(request)
    await pool.settle()
    assert await pool.removals() == []
    source = await pool.replica("v1")
    assert source is not None
    assert source.state is ReplicaState.READY
    assert await pool.replica("v1", to) is None
    assert (await move(pool, store_id=to, copy_id="move2")).moves


async def test_a_move_said_twice_deletes_once(pool: PoolScene) -> None:
    request = await move(pool, store_id="pool2")
    await pool.done(request, OTHER)
    assert await pool.done(request, OTHER) == []
    assert len(await pool.removals()) == 1


async def test_a_volume_deleted_while_it_moves_goes_from_both(pool: PoolScene) -> None:
    request = await move(pool, store_id="pool2")
    await pool.scene.bench.handle(DeleteVolume(volume_id="v1"))
    assert await pool.removals() == []
    await pool.done(request, OTHER)
    orders = await pool.removals()
    assert sorted(order.store_id for order in orders) == ["pool1", "pool2"]


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"volume_id": "ghost"}, "not_found"),
        ({"account_id": "other"}, "not_found.object"),
        ({"store_id": "ghost"}, "not_found"),
        ({"store_id": "pool1"}, "conflict.exists"),
    ],
)
async def test_a_move_that_cannot_be_is_refused_and_changes_nothing(
    pool: PoolScene, changes: dict[str, object], wanted: str
) -> None:
    assert await code(pool, **changes) == wanted
    replica = await pool.replica("v1")
    assert replica is not None
    assert replica.state is ReplicaState.READY


async def test_a_volume_moves_to_one_place_at_a_time(pool: PoolScene) -> None:
    await move(pool, store_id="pool2")
    assert await code(pool, copy_id="move2") == "conflict.moving"


async def test_between_image_stores_replicas_follow_wishes(pool: PoolScene) -> None:
    await on_store(pool)
    await pool.scene.store("s2")
    assert await code(pool, store_id="s2", copy_id="move2") == "conflict.role"


async def test_a_linked_clone_is_not_moved_without_its_base(pool: PoolScene) -> None:
    await pool.join("overlay", install="backing-file")
    (base,) = requests(await pool.ask("v2"))
    await pool.done(base)
    (request,) = await pool.settle()
    await pool.done(request, OTHER)
    assert await code(pool, volume_id="v2") == "conflict.linked_clone"
