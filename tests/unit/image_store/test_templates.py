"""A template's way from registration to Ready, and every way it can fail."""

import pytest
from stowage_contracts.errors import OutOfSpace
from stowage_contracts.messages.data_motion import (
    CancelCopy,
    CopyCancelled,
    CopyFailed,
    HopCommitted,
)
from stowage_contracts.messages.hypervisor_agent import InspectObject, ObjectInspected
from stowage_contracts.messages.image_store import (
    CopyRequested,
    DeleteTemplate,
    ReplicaFailed,
    ReplicaReady,
    TemplateChanged,
)
from stowage_contracts.values import ReplicaState, Verdict

from tests.unit.image_store.scene import CONTENT, DIGEST, Scene, accepted


async def last(scene: Scene) -> TemplateChanged:
    found = (await scene.bench.said(TemplateChanged))[-1]
    assert isinstance(found, TemplateChanged)
    return found


async def test_registering_asks_for_the_bytes_with_both_ends_described(scene: Scene) -> None:
    request = await scene.requested()
    assert request.source.schemes == ("http",)
    assert request.destination.store_id == "s1"
    assert request.destination.key == "template/tmpl/acme/t1/t1.qcow2"
    assert request.destination.root == str(scene.folder / "s1")
    (replica,) = (await last(scene)).state.replicas
    assert replica.state is ReplicaState.CREATING


async def test_the_url_is_nowhere_in_clear(scene: Scene) -> None:
    await scene.requested()
    said = "".join(m.model_dump_json() for m in await scene.bench.said())
    async with scene.bench.tx() as tx:
        row = await tx.row("object", "template", "t1")
    assert "canary" not in said + str(dict(row or {}))


async def test_registering_twice_has_one_effect(scene: Scene) -> None:
    await scene.requested()
    assert await scene.bench.handle(scene.registration()) == []


async def test_without_a_store_in_reach_the_template_says_so(scene: Scene) -> None:
    await scene.zone()
    await scene.bench.handle(scene.registration())
    state = (await last(scene)).state
    assert state.error is not None
    assert state.error.code == "conflict.no_store"
    assert state.error.hint
    (failed,) = await scene.bench.said(ReplicaFailed)
    assert isinstance(failed, ReplicaFailed)
    assert failed.copy_id == "copy1"


@pytest.mark.parametrize("url", ["file:///etc/passwd", "nfs://h/x", "gopher://h/x", "nonsense"])
async def test_only_http_urls_are_taken(scene: Scene, url: str) -> None:
    await scene.zone()
    await scene.store()
    await scene.bench.handle(scene.registration(url=url))
    assert not await scene.bench.said(CopyRequested)
    error = (await last(scene)).state.error
    assert error is not None
    assert error.code == "invalid.url"


async def test_a_url_sealed_for_another_template_is_refused_and_told(scene: Scene) -> None:
    await scene.zone()
    await scene.store()
    sealed = scene.registration().sealed_url
    said = await scene.bench.handle(scene.registration(template_id="t2", sealed_url=sealed))
    (failed,) = [m for m in said if isinstance(m, ReplicaFailed)]
    assert failed.copy_id == "copy1"
    assert failed.error.code == "invalid.secret"
    assert failed.store_id is None
    assert (await last(scene)).state.error == failed.error


async def test_bytes_that_became_ready_count_as_used_at_once(scene: Scene) -> None:
    request = await scene.requested()
    async with scene.bench.tx() as tx:
        before = await tx.row("store", "s1")
    await scene.write(request)
    await scene.commit(request)
    await scene.complete(request, accepted())
    async with scene.bench.tx() as tx:
        after = await tx.row("store", "s1")
    assert before is not None
    assert after is not None
    assert after["used_bytes"] == before["used_bytes"] + len(CONTENT)
    assert after["reserved"] == 0


async def test_a_template_is_ready_once_committed_and_judged(scene: Scene) -> None:
    request = await scene.requested()
    await scene.write(request)
    assert any(isinstance(m, HopCommitted) for m in await scene.commit(request))
    said = await scene.complete(request, accepted(8192))
    (ready,) = [m for m in said if isinstance(m, ReplicaReady)]
    assert (ready.size, ready.digest) == (len(CONTENT), DIGEST)
    state = (await last(scene)).state
    assert state.ready
    assert (state.size, state.virtual_size, state.digest) == (len(CONTENT), 8192, DIGEST)
    stored = scene.folder / "s1" / request.destination.key
    assert stored.read_bytes() == CONTENT


async def test_a_repeated_completion_changes_nothing(scene: Scene) -> None:
    request = await scene.requested()
    await scene.write(request)
    await scene.commit(request)
    await scene.complete(request, accepted())
    assert await scene.complete(request, accepted()) == []


async def test_without_a_verdict_an_agent_inspects_before_ready(scene: Scene) -> None:
    request = await scene.requested()
    await scene.write(request)
    await scene.commit(request)
    await scene.complete(request, None)
    assert not (await last(scene)).state.ready
    await scene.bench.run_timers("send-inspections")
    (ask,) = await scene.bench.said(InspectObject)
    assert isinstance(ask, InspectObject)
    verdict = ObjectInspected(inspection_id=ask.inspection_id, host_id="h1", verdict=accepted(4096))
    await scene.bench.handle(verdict, source="agent/h1")
    assert (await last(scene)).state.ready


async def test_a_refused_image_is_deleted_and_the_reason_kept(scene: Scene) -> None:
    request = await scene.requested()
    await scene.write(request)
    await scene.commit(request)
    await scene.complete(request, None)
    await scene.bench.run_timers("send-inspections")
    (ask,) = await scene.bench.said(InspectObject)
    assert isinstance(ask, InspectObject)
    bad = Verdict(
        accepted=False, code="image.backing_file", reason="names /etc/passwd", gate_version=1
    )
    report = ObjectInspected(inspection_id=ask.inspection_id, host_id="h1", verdict=bad)
    await scene.bench.handle(report, source="agent/h1")
    await scene.bench.run_intents()
    state = (await last(scene)).state
    assert state.error is not None
    assert state.error.code == "image.backing_file"
    assert state.replicas[0].state is ReplicaState.FAILED
    assert not (scene.folder / "s1" / request.destination.key).exists()


async def test_an_inspection_nobody_answers_goes_elsewhere_and_ends(scene: Scene) -> None:
    request = await scene.requested()
    await scene.write(request)
    await scene.commit(request)
    await scene.complete(request, None)
    settings = scene.bench.service.deps.settings
    for _ in range(settings.inspect_attempts + 1):
        await scene.bench.run_timers("send-inspections")
        await scene.pass_seconds(settings.inspect_seconds + 1)
    error = (await last(scene)).state.error
    assert error is not None
    assert error.code == "unavailable.inspection"
    assert len(await scene.bench.said(InspectObject)) == settings.inspect_attempts


async def test_a_failed_copy_fails_the_replica_and_revokes_its_write(scene: Scene) -> None:
    request = await scene.requested()
    await scene.write(request)
    error = OutOfSpace("disk full", resource="store/s1").problem
    message = CopyFailed(
        state=scene.copy(request, "failed"), destination=request.destination, error=error
    )
    await scene.bench.handle(message)
    await scene.bench.run_intents()
    state = (await last(scene)).state
    assert state.error == error
    assert state.replicas[0].state is ReplicaState.FAILED
    assert scene.leftovers("s1") == []


async def test_a_cancelled_copy_leaves_no_bytes(scene: Scene) -> None:
    request = await scene.requested()
    await scene.write(request)
    message = CopyCancelled(
        state=scene.copy(request, "cancelled"), destination=request.destination, last=True
    )
    await scene.bench.handle(message)
    await scene.bench.run_intents()
    assert scene.leftovers("s1") == []
    assert (await last(scene)).state.replicas[0].state is ReplicaState.FAILED


async def test_deleting_hides_at_once_and_removes_the_bytes(scene: Scene) -> None:
    request = await scene.requested()
    await scene.write(request)
    await scene.commit(request)
    await scene.complete(request, accepted())
    await scene.bench.handle(DeleteTemplate(template_id="t1"))
    state = (await last(scene)).state
    assert state.removed
    assert not state.ready
    await scene.bench.run_intents()
    assert (await last(scene)).state.replicas == ()
    assert scene.leftovers("s1") == []


async def test_deleting_a_template_on_its_way_cancels_its_copy(scene: Scene) -> None:
    await scene.requested()
    said = await scene.bench.handle(DeleteTemplate(template_id="t1"))
    assert any(isinstance(m, CancelCopy) and m.copy_id == "copy1" for m in said)
