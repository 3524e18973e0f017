"""Replicas on pools: deleted by their agent, once it is there, until it has confirmed."""

import pytest
from stowage_contracts.errors import Unavailable
from stowage_contracts.messages.hypervisor_agent import Heartbeat
from stowage_contracts.messages.image_store import (
    DeleteTemplate,
    DeleteVolume,
    HostChanged,
    ReplicaFailed,
    TemplateChanged,
    VolumeChanged,
)

from tests.unit.image_store.pools import PoolScene, requests
from tests.unit.image_store.scene import Scene


@pytest.fixture
async def pool(scene: Scene) -> PoolScene:
    """Volume v1, whole, on pool1."""
    made = PoolScene(scene)
    await made.begin()
    (request,) = requests(await made.ask("v1"))
    await made.done(request)
    return made


async def test_a_deleted_volume_goes_from_its_pool(pool: PoolScene) -> None:
    await pool.scene.bench.handle(DeleteVolume(volume_id="v1"))
    (order,) = await pool.removals()
    assert (order.host_id, order.store_id, order.key) == ("h1", "pool1", "v1.qcow2")
    (gone,) = [m for m in await pool.removed(order) if isinstance(m, VolumeChanged)]
    assert gone.state.removed
    assert gone.state.replicas == ()


async def test_a_deleted_template_goes_from_its_pool(pool: PoolScene) -> None:
    (request,) = requests(await pool.ask(None, "copy9"))
    await pool.done(request)
    await pool.scene.bench.handle(DeleteTemplate(template_id="t1"))
    assert [order.key for order in await pool.removals()] == ["t1.qcow2"]


async def test_an_unconfirmed_removal_is_sent_again(pool: PoolScene) -> None:
    await pool.scene.bench.handle(DeleteVolume(volume_id="v1"))
    (first,) = await pool.removals()
    assert await pool.removals() == []
    await pool.scene.pass_seconds(31)
    (second,) = await pool.removals()
    assert second.removal_id == first.removal_id
    await pool.removed(first)
    assert await pool.removed(second) == []


async def test_a_removal_waits_for_a_host_that_is_away(pool: PoolScene) -> None:
    await pool.scene.pass_seconds(60)
    await pool.scene.bench.run_timers("notice-silence")
    await pool.scene.bench.handle(DeleteVolume(volume_id="v1"))
    assert await pool.removals() == []
    await pool.scene.bench.hear(Heartbeat(host_id="h1", boot_id="boot1"), source="agent/h1")
    assert len(await pool.removals()) == 1


async def test_a_removal_that_failed_says_why_and_is_tried_again(pool: PoolScene) -> None:
    await pool.scene.bench.handle(DeleteVolume(volume_id="v1"))
    (order,) = await pool.removals()
    await pool.removed(order, error=Unavailable("the mount is dead").problem)
    replica = await pool.replica("v1")
    assert replica is not None
    assert replica.error is not None
    await pool.scene.pass_seconds(31)
    assert len(await pool.removals()) == 1


async def test_another_host_confirms_nothing(pool: PoolScene) -> None:
    await pool.scene.bench.handle(DeleteVolume(volume_id="v1"))
    (order,) = await pool.removals()
    assert await pool.removed(order, host_id="h2") == []


async def test_a_volume_that_is_going_is_not_given_out(pool: PoolScene) -> None:
    await pool.scene.bench.handle(DeleteVolume(volume_id="v1"))
    said = await pool.ask("v1", "copy9")
    assert [m.error.code for m in said if isinstance(m, ReplicaFailed)] == ["conflict.leaving"]


async def test_one_pool_that_clashes_is_refused_alone(pool: PoolScene) -> None:
    joined = pool.scene.joined("h1")
    other = joined.pools[0].model_copy(update={"id": "pool2", "name": "other"})
    clash = joined.pools[0].model_copy(update={"provider": "acme"})
    joined = joined.model_copy(update={"pools": (clash, other)})
    said = await pool.scene.bench.handle(joined, source="agent/h1")
    (host,) = [m.state for m in said if isinstance(m, HostChanged)]
    errors = {one.id: one.error and one.error.code for one in host.pools}
    assert errors == {"pool1": "invalid.pool_clash", "pool2": None}


async def test_a_deletion_that_overtook_its_registration_holds(scene: Scene) -> None:
    await scene.zone()
    await scene.store()
    registration = scene.registration()
    await scene.bench.handle(registration, time="2020-01-01T00:00:00Z")  # another day's
    await scene.bench.handle(DeleteTemplate(template_id="t1"))
    await scene.bench.handle(DeleteTemplate(template_id="t2"))
    late = registration.model_copy(update={"template_id": "t2", "copy_id": "copy2"})
    said = await scene.bench.handle(late, time="2020-01-01T00:00:00Z")
    (gone,) = [m for m in said if isinstance(m, TemplateChanged)]
    assert gone.state.removed
    assert [m.copy_id for m in said if isinstance(m, ReplicaFailed)] == ["copy2"]


async def test_an_id_may_be_registered_again_after_its_deletion(scene: Scene) -> None:
    await scene.zone()
    await scene.store()
    await scene.bench.handle(DeleteTemplate(template_id="t1"), time="2020-01-01T00:00:00Z")
    said = await scene.bench.handle(scene.registration())
    assert requests(said)
