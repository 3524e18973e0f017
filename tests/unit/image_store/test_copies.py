"""Copies to a host's pool: who may be asked, what is described, what becomes of it."""

import asyncio

import pytest
from stowage_contracts import sealing
from stowage_contracts.errors import Unavailable
from stowage_contracts.message import Message
from stowage_contracts.messages.data_motion import CopyCompleted, CopyFailed
from stowage_contracts.messages.hypervisor_agent import Heartbeat, ObjectRemoved, RemoveObject
from stowage_contracts.messages.image_store import (
    CopyRequested,
    HostChanged,
    ReplicaFailed,
    ReplicaReady,
    RequestCopy,
    TemplateChanged,
    VolumeChanged,
)
from stowage_contracts.values import HostState, ObjectRef, ReplicaState, ServiceName
from stowage_runtime.secrets import Sealer

from tests.unit.image_store.scene import CONTENT, DIGEST, Scene, accepted

ASK = RequestCopy(copy_id="copy2", account_id="acme", template_id="t1", store_id="pool1")


@pytest.fixture
async def ready(scene: Scene) -> Scene:
    request = await scene.requested()
    await scene.write(request)
    await scene.commit(request)
    await scene.complete(request, accepted())
    return scene


async def ask(scene: Scene, **changes: object) -> CopyRequested:
    said = await scene.bench.handle(RequestCopy.model_validate({**dict(ASK), **changes}))
    (request,) = [m for m in said if isinstance(m, CopyRequested)]
    return request


async def test_a_copy_describes_a_ready_replica_and_the_pool(ready: Scene) -> None:
    request = await ask(ready)
    assert request.source.store_id == "s1"
    assert (request.size, request.digest) == (len(CONTENT), DIGEST)
    assert request.destination.store_id == "pool1"
    assert request.destination.grant.owner is ServiceName.HYPERVISOR_AGENT
    assert request.destination.hypervisor == "KVM"
    assert request.location.zone_id == "z1"


async def test_a_second_asker_gets_the_same_destination(ready: Scene) -> None:
    first, second = await ask(ready), await ask(ready, copy_id="copy3")
    assert first.destination == second.destination
    assert (first.present, second.present) == (False, False)


async def test_what_is_on_the_pool_already_is_present(ready: Scene) -> None:
    request = await ask(ready)
    await ready.complete(request, accepted())
    assert (await ask(ready, copy_id="copy3")).present


async def test_a_volume_is_an_object_of_its_own(ready: Scene) -> None:
    request = await ask(ready, volume_id="v1")
    assert request.destination.object.kind == "volume"
    assert request.destination.key == "v1.qcow2"
    await ready.complete(request, accepted())
    async with ready.bench.tx() as tx:
        row = await tx.row("ref_on", "volume", "v1", "pool1")
    assert row is not None
    assert row["state"] == ReplicaState.READY


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"template_id": "ghost"}, "not_found"),
        ({"store_id": "ghost"}, "not_found"),
        ({"store_id": "s1"}, "conflict"),
        ({"format": "vhd"}, "conflict.format"),
    ],
)
async def test_a_copy_that_cannot_be_is_refused_with_its_reason(
    ready: Scene, changes: dict[str, object], code: str
) -> None:
    said = await ready.bench.handle(RequestCopy.model_validate({**dict(ASK), **changes}))
    (failed,) = [m for m in said if isinstance(m, ReplicaFailed)]
    assert failed.copy_id == "copy2"
    assert failed.error.code == code


async def test_what_is_there_otherwise_than_asked_for_is_refused(ready: Scene) -> None:
    await ask(ready, volume_id="v1")
    changes = {"copy_id": "copy3", "volume_id": "v1", "format": "raw"}
    said = await ready.bench.handle(RequestCopy.model_validate({**dict(ASK), **changes}))
    (failed,) = [m for m in said if isinstance(m, ReplicaFailed)]
    assert failed.error.code == "conflict.exists"
    assert "qcow2" in failed.error.cause


async def test_a_template_on_its_way_is_not_copied_yet(scene: Scene) -> None:
    await scene.requested()
    said = await scene.bench.handle(ASK)
    (failed,) = [m for m in said if isinstance(m, ReplicaFailed)]
    assert failed.error.code == "conflict.not_ready"
    assert failed.error.hint


async def test_a_full_pool_is_refused_before_bytes_move(ready: Scene) -> None:
    await ready.bench.handle(ready.joined(free=10), source="agent/h1")
    said = await ready.bench.handle(ASK)
    (failed,) = [m for m in said if isinstance(m, ReplicaFailed)]
    assert failed.error.code == "out_of_space"


async def test_a_failed_copy_leaves_no_replica_on_the_pool(ready: Scene) -> None:
    request = await ask(ready)
    error = (await _refusal(ready)).error
    message = CopyFailed(
        state=ready.copy(request, "failed"), destination=request.destination, error=error
    )
    await ready.bench.handle(message)
    view = (await ready.bench.said(TemplateChanged))[-1]
    assert isinstance(view, TemplateChanged)
    assert [r.store_id for r in view.state.replicas] == ["s1"]
    assert view.state.ready


async def test_what_may_have_been_committed_unheard_is_deleted_by_its_agent(ready: Scene) -> None:
    request = await ask(ready)
    error = Unavailable("no answer to the commit within 3600 s", code="commit").problem
    message = CopyFailed(
        state=ready.copy(request, "failed"), destination=request.destination, error=error
    )
    said = await ready.bench.handle(message)
    assert [told.error for told in said if isinstance(told, ReplicaFailed)] == [error]
    assert await _states(ready) == {"s1": "Ready", "pool1": "Destroying"}
    await ready.bench.run_timers("remove")
    (order,) = await ready.bench.said(RemoveObject)
    assert isinstance(order, RemoveObject)
    assert (order.host_id, order.key) == ("h1", request.destination.key)
    done = ObjectRemoved(host_id="h1", removal_id=order.removal_id)
    await ready.bench.handle(done, source="agent/h1")
    assert await _states(ready) == {"s1": "Ready"}


async def _states(scene: Scene) -> dict[str, str]:
    view = (await scene.bench.said(TemplateChanged))[-1]
    assert isinstance(view, TemplateChanged)
    return {replica.store_id: replica.state.value for replica in view.state.replicas}


async def _refusal(scene: Scene) -> ReplicaFailed:
    said = await scene.bench.handle(ASK.model_copy(update={"template_id": "ghost"}))
    (failed,) = [m for m in said if isinstance(m, ReplicaFailed)]
    return failed


async def test_a_copy_that_was_there_already_changes_nothing(ready: Scene) -> None:
    request = await ask(ready)
    message = CopyCompleted(
        state=ready.copy(request, "done"),
        object=request.destination.object,
        destination=request.destination,
        receipt=None,
    )
    assert await ready.bench.handle(message) == []


async def test_a_silent_host_is_disconnected_until_it_is_heard(scene: Scene) -> None:
    await scene.zone()
    await scene.pass_seconds(60)
    await scene.bench.run_timers("notice-silence")
    await scene.bench.hear(Heartbeat(host_id="h1", boot_id="boot1"), source="agent/h1")
    states = [
        m.state.state for m in await scene.bench.said(HostChanged) if isinstance(m, HostChanged)
    ]
    assert states[-2:] == [HostState.DISCONNECTED, HostState.UP]


async def test_copies_of_one_template_that_start_and_end_at_once_never_wait_in_a_circle(
    ready: Scene,
) -> None:
    volumes = [await ask(ready, copy_id=f"old{n}", volume_id=f"old{n}") for n in range(6)]
    replica = await ask(ready)
    done = [ready.completed(request, None) for request in (*volumes, replica)]
    asked = [
        ASK.model_copy(update={"copy_id": f"new{n}", "volume_id": f"new{n}"}) for n in range(6)
    ]
    beats = [Heartbeat(host_id="h1", boot_id="boot1", pools=ready.joined().pools)] * 6
    async with asyncio.TaskGroup() as group:  # a deadlock that is not retried shows itself
        for message in (*done, *asked, *beats):
            group.create_task(handled_once(ready, message))
    said = await ready.bench.said(ReplicaReady)
    assert {event.object.id for event in said if isinstance(event, ReplicaReady)} == {
        "t1",
        *(f"old{n}" for n in range(6)),
    }


async def handled_once(scene: Scene, message: Message) -> None:
    service = scene.bench.service
    handler = {**service.handlers, **service.signals}[type(message)]
    async with scene.bench.tx() as tx:
        await handler(message, tx, service.deps)


async def test_a_volume_does_not_change_its_template(ready: Scene) -> None:
    request = await ask(ready, volume_id="v1")
    said = await ready.complete(request, accepted())
    assert [type(m) for m in said] == [ReplicaReady, VolumeChanged]


@pytest.mark.parametrize(
    "changes", [{"account_id": "other"}, {"volume_id": "t1"}], ids=["another account", "a template"]
)
async def test_a_volume_id_belongs_to_whoever_took_it_first(
    ready: Scene, changes: dict[str, object]
) -> None:
    await ask(ready, volume_id="v1")
    again = RequestCopy.model_validate({**dict(ASK), "copy_id": "c9", "volume_id": "v1", **changes})
    (failed,) = [m for m in await ready.bench.handle(again) if isinstance(m, ReplicaFailed)]
    assert failed.error.code == "conflict.exists"
    assert failed.copy_id == "c9"


async def test_a_template_cannot_take_a_volumes_id(ready: Scene) -> None:
    await ask(ready, volume_id="t2")
    public = ready.keys["stowage_seal_public_key_image_store"]
    sealed = Sealer.seal(
        public,
        b"http://images.example/disk",
        sealing.for_object(ObjectRef(kind="template", id="t2")),
    )
    registration = ready.registration(template_id="t2", copy_id="copy9", sealed_url=sealed)
    (changed,) = [
        m for m in await ready.bench.handle(registration) if isinstance(m, TemplateChanged)
    ]
    assert changed.state.error is not None
    assert changed.state.error.code == "conflict.exists"
