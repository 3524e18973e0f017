"""Volumes made of a pool's own copy of a template: one base for all, safe while it is needed."""

import pytest
from stowage_contracts.errors import OutOfSpace
from stowage_contracts.messages.data_motion import CancelCopy
from stowage_contracts.messages.image_store import (
    DeleteReplica,
    DeleteTemplate,
    DeleteVolume,
    ReplicaFailed,
    TemplateChanged,
)
from stowage_contracts.values import HopMethod, ObjectRef, ReplicaState
from stowage_contracts.views import TemplateView

from tests.unit.image_store.pools import OTHER, PoolScene, requests
from tests.unit.image_store.scene import CONTENT, DIGEST, Scene

TEMPLATE = ObjectRef(kind="template", id="t1")


@pytest.fixture
async def pool(scene: Scene) -> PoolScene:
    """A pool that shares blocks."""
    made = PoolScene(scene)
    await made.begin("overlay", "reflink")
    return made


@pytest.fixture
async def linking(pool: PoolScene) -> PoolScene:
    """A pool whose operator wants linked clones."""
    await pool.join("overlay", install="backing-file")
    return pool


async def installed(pool: PoolScene, *volumes: str) -> None:
    """Volumes that are Ready, made of the pool's copy."""
    bases = [request for volume in volumes for request in requests(await pool.ask(volume))]
    for base in bases:
        await pool.done(base)
    for request in await pool.settle():
        await pool.done(request, OTHER if request.method is HopMethod.BACKING else None)
    for request in bases:
        if request.destination.object != TEMPLATE:
            await pool.done(request)


async def template_of(pool: PoolScene) -> TemplateView:
    said = await pool.scene.bench.said(TemplateChanged)
    return [m.state for m in said if isinstance(m, TemplateChanged)][-1]


async def test_fifty_volumes_make_one_base(pool: PoolScene) -> None:
    asked = [request for n in range(50) for request in requests(await pool.ask(f"v{n}"))]
    (base,) = asked
    assert base.destination.object == TEMPLATE
    assert base.method is HopMethod.COPY
    await pool.done(base)
    clones: list[str] = []
    while made := await pool.settle():
        clones += [request.destination.object.id for request in made]
        for request in made:
            assert request.method is HopMethod.CLONE
            assert request.source.store_id == request.destination.store_id == "pool1"
            assert request.source.key == "t1.qcow2"
            assert (request.size, request.digest) == (len(CONTENT), DIGEST)
    assert sorted(clones) == sorted(f"v{n}" for n in range(50))


async def test_a_base_is_hurried_by_whoever_has_the_highest_priority(pool: PoolScene) -> None:
    (base,) = requests(await pool.ask("v1", priority=-10))
    assert requests(await pool.ask("v2", priority=-10)) == []
    (again,) = requests(await pool.ask("v3", priority=10))
    assert (again.destination, again.priority) == (base.destination, 10)
    assert requests(await pool.ask("v4", priority=10)) == []


async def test_a_volume_tells_how_it_was_made_and_why(pool: PoolScene) -> None:
    await installed(pool, "v1")
    replica = await pool.replica("v1")
    assert replica is not None
    assert replica.install is not None
    assert (replica.state, replica.verified) == (ReplicaState.READY, None)
    assert (replica.install.strategy, replica.install.method) == ("reflink", "clone")
    assert replica.install.stands_on is None
    reasons = {answer.strategy: answer.reason for answer in replica.install.answers}
    assert "linked clones" in reasons["backing-file"]


async def test_a_base_that_is_there_is_used_at_once(pool: PoolScene) -> None:
    await installed(pool, "v1")
    (request,) = requests(await pool.ask("v2"))
    assert request.method is HopMethod.CLONE


async def test_an_overlay_has_bytes_of_its_own(linking: PoolScene) -> None:
    (base,) = requests(await linking.ask("v1"))
    await linking.done(base)
    (request,) = await linking.settle()
    assert request.method is HopMethod.BACKING
    assert (request.size, request.digest) == (None, None)
    (again,) = requests(await linking.ask("v1", "copy9"))
    assert again.source == request.source
    assert again.destination == request.destination


async def test_a_base_that_fails_fails_what_waits_for_it(pool: PoolScene) -> None:
    (base,) = requests(await pool.ask("v1"))
    await pool.ask("v1", "copy-again")
    await pool.failed(base, OutOfSpace("the pool is full"))
    await pool.settle()
    said = await pool.scene.bench.said(ReplicaFailed)
    told = {m.copy_id: m.error.code for m in said if isinstance(m, ReplicaFailed)}
    assert told["copy-v1"] == told["copy-again"] == "out_of_space"
    assert await pool.replica("v1") is None


async def test_a_cancelled_base_is_brought_anew_for_those_who_wait(pool: PoolScene) -> None:
    (base,) = requests(await pool.ask("v1"))
    await pool.cancelled(base)
    (again,) = await pool.settle()
    assert again.destination.object == TEMPLATE
    assert again.copy_id != base.copy_id
    await pool.done(again)
    (request,) = await pool.settle()
    assert request.destination.object.id == "v1"


async def test_a_volume_deleted_while_it_waits_is_gone(pool: PoolScene) -> None:
    (base,) = requests(await pool.ask("v1"))
    said = await pool.scene.bench.handle(DeleteVolume(volume_id="v1"))
    assert [m.copy_id for m in said if isinstance(m, ReplicaFailed)] == ["copy-v1"]
    assert not [m for m in said if isinstance(m, CancelCopy)]
    await pool.done(base)
    assert await pool.settle() == []


async def test_a_pool_without_room_refuses_before_anything_is_made(pool: PoolScene) -> None:
    joined = pool.scene.joined(free=10)
    full = joined.pools[0].model_copy(update={"can": ("reflink",)})
    await pool.scene.bench.handle(joined.model_copy(update={"pools": (full,)}))
    said = await pool.ask("v1")
    assert [m.error.code for m in said if isinstance(m, ReplicaFailed)] == ["out_of_space"]
    assert not await pool.scene.bench.database.fetch("object", "volume", "v1")


async def test_a_base_stays_hidden_until_its_last_volume_is_gone(linking: PoolScene) -> None:
    await installed(linking, "v1", "v2")
    await linking.scene.bench.handle(DeleteTemplate(template_id="t1"))
    assert await linking.removals() == []
    shown = {one.store_id: one.state for one in (await template_of(linking)).replicas}
    assert shown["pool1"] == ReplicaState.HIDDEN
    for volume in ("v1", "v2"):
        await linking.scene.bench.handle(DeleteVolume(volume_id=volume))
        (order,) = await linking.removals()
        assert order.key == f"{volume}.qcow2"
        await linking.removed(order)
    (base,) = await linking.removals()
    assert base.key == "t1.qcow2"
    await linking.removed(base)
    await linking.settle()
    assert not await linking.scene.bench.database.fetch("object", "template", "t1")


async def test_a_base_in_use_is_not_deleted_from_its_pool(linking: PoolScene) -> None:
    await installed(linking, "v1")
    order = DeleteReplica(object=TEMPLATE, store_id="pool1")
    await linking.scene.bench.handle(order)
    error = (await template_of(linking)).error
    assert error is not None
    assert error.code == "conflict.in_use"
    assert await linking.removals() == []


async def test_a_base_nobody_stands_on_can_be_deleted_from_its_pool(pool: PoolScene) -> None:
    await installed(pool, "v1")
    await pool.scene.bench.handle(DeleteReplica(object=TEMPLATE, store_id="pool1"))
    (order,) = await pool.removals()
    await pool.removed(order)
    assert [one.store_id for one in (await template_of(pool)).replicas] == ["s1"]


async def test_a_base_is_not_deleted_while_it_is_read(pool: PoolScene) -> None:
    (base,) = requests(await pool.ask("v1"))
    await pool.done(base)
    (request,) = await pool.settle()
    await pool.scene.bench.handle(DeleteTemplate(template_id="t1"))
    assert await pool.removals() == []
    await pool.done(request)
    assert [order.key for order in await pool.removals()] == ["t1.qcow2"]


async def test_a_volume_is_not_made_of_a_template_that_is_going(pool: PoolScene) -> None:
    (base,) = requests(await pool.ask("v1"))
    await pool.scene.bench.handle(DeleteTemplate(template_id="t1"))
    await pool.done(base)
    await pool.settle()
    said = await pool.scene.bench.said(ReplicaFailed)
    assert [m.copy_id for m in said if isinstance(m, ReplicaFailed)] == ["copy-v1"]
    assert [order.key for order in await pool.removals()] == ["t1.qcow2"]
