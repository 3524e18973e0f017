"""Messages that cross each other: the record keeps to what is really there."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from stowage_contracts.errors import GrantRefused, OutOfSpace, Unavailable
from stowage_contracts.messages.data_motion import (
    CancelCopy,
    CommitHop,
    CopyCancelled,
    CopyFailed,
    HopCommitFailed,
)
from stowage_contracts.messages.hypervisor_agent import InspectObject, ObjectInspected
from stowage_contracts.messages.image_store import (
    CopyRequested,
    DeleteTemplate,
    ReleaseGrants,
    ReplicaFailed,
    ReplicaReady,
    RequestCopy,
    TemplateChanged,
)
from stowage_contracts.values import ReplicaState, Value
from stowage_stores.hosting import StoreRow

from tests.unit.image_store.scene import Scene, accepted

FULL = OutOfSpace("disk full", resource="store/pool1").problem


async def made_ready(scene: Scene) -> None:
    request = await scene.requested()
    await scene.write(request)
    await scene.commit(request)
    await scene.complete(request, accepted())


async def ask(scene: Scene, copy_id: str) -> CopyRequested:
    said = await scene.bench.handle(
        RequestCopy(copy_id=copy_id, account_id="acme", template_id="t1", store_id="pool1")
    )
    (request,) = [m for m in said if isinstance(m, CopyRequested)]
    return request


def failed(scene: Scene, request: CopyRequested) -> CopyFailed:
    return CopyFailed(
        state=scene.copy(request, "failed"), destination=request.destination, error=FULL
    )


def cancelled(scene: Scene, request: CopyRequested, *, last: bool) -> CopyCancelled:
    return CopyCancelled(
        state=scene.copy(request, "cancelled"), destination=request.destination, last=last
    )


async def on_pool(scene: Scene) -> ReplicaState | None:
    async with scene.bench.tx() as tx:
        row = await tx.row("ref_on", "template", "t1", "pool1")
    return ReplicaState(row["state"]) if row else None


async def last(scene: Scene) -> TemplateChanged:
    found = (await scene.bench.said(TemplateChanged))[-1]
    assert isinstance(found, TemplateChanged)
    return found


async def test_a_late_failure_of_an_older_attempt_leaves_the_newer_one_alone(scene: Scene) -> None:
    await made_ready(scene)
    first = await ask(scene, "copy2")
    await scene.bench.handle(failed(scene, first))
    second = await ask(scene, "copy3")
    assert await scene.bench.handle(failed(scene, first)) == []
    assert await scene.bench.handle(cancelled(scene, first, last=True)) == []
    assert await on_pool(scene) is ReplicaState.CREATING
    await scene.complete(second, accepted())
    assert await on_pool(scene) is ReplicaState.READY


async def test_a_copy_asked_for_while_another_fails_still_gets_its_record(scene: Scene) -> None:
    await made_ready(scene)
    first, second = await ask(scene, "copy2"), await ask(scene, "copy3")
    assert await scene.bench.handle(failed(scene, first)) == []
    assert await on_pool(scene) is ReplicaState.CREATING
    await scene.complete(second, accepted())
    assert await on_pool(scene) is ReplicaState.READY


@pytest.mark.parametrize("last_first", [True, False])
async def test_a_replica_goes_with_the_last_copy_that_wanted_it(
    scene: Scene, last_first: bool
) -> None:
    await made_ready(scene)
    both = [await ask(scene, "copy2"), await ask(scene, "copy3")]
    leaving, failing = both if last_first else both[::-1]
    assert await scene.bench.handle(cancelled(scene, leaving, last=False)) == []
    said = await scene.bench.handle(failed(scene, failing))
    assert [type(m) for m in said] == [ReplicaFailed, TemplateChanged]
    assert await on_pool(scene) is None


async def test_deleting_a_template_cancels_every_copy_of_it(scene: Scene) -> None:
    await made_ready(scene)
    await ask(scene, "copy2")
    await ask(scene, "copy3")
    said = await scene.bench.handle(DeleteTemplate(template_id="t1"))
    assert [m.copy_id for m in said if isinstance(m, CancelCopy)] == ["copy2", "copy3"]


async def test_a_template_deleted_while_it_is_judged_leaves_no_bytes(scene: Scene) -> None:
    request = await scene.requested()
    await scene.write(request)
    await scene.commit(request)
    await scene.complete(request, None)
    await scene.bench.run_timers("send-inspections")
    (sent,) = await scene.bench.said(InspectObject)
    assert isinstance(sent, InspectObject)
    await scene.bench.handle(DeleteTemplate(template_id="t1"))
    verdict = ObjectInspected(
        inspection_id=sent.inspection_id, host_id="h1", verdict=accepted(4096)
    )
    said = await scene.bench.handle(verdict, source="agent/h1")
    await scene.bench.run_intents()
    assert not any(isinstance(m, ReplicaReady) for m in said)
    assert scene.leftovers("s1") == []
    assert (await last(scene)).state.replicas == ()


async def test_a_copy_that_ends_after_its_template_was_deleted_keeps_no_replica(
    scene: Scene,
) -> None:
    request = await scene.requested()
    await scene.bench.handle(DeleteTemplate(template_id="t1"))
    await scene.bench.handle(cancelled(scene, request, last=True))
    assert (await last(scene)).state.replicas == ()


async def test_a_copy_whose_end_was_lost_is_asked_for_again_until_it_is_heard(scene: Scene) -> None:
    await made_ready(scene)
    seconds = scene.bench.service.deps.settings.ask_again_seconds
    first = await ask(scene, "copy2")
    await scene.bench.run_timers("ask-again")
    before = len(await scene.bench.said(CopyRequested))
    for _ in range(2):
        await scene.pass_seconds(seconds + 1)
        await scene.bench.run_timers("ask-again")
        await scene.bench.run_timers("ask-again")
    again = await scene.bench.said(CopyRequested)
    assert again[before:] == [first, first]
    await scene.complete(first, accepted())
    await scene.pass_seconds(seconds + 1)
    await scene.bench.run_timers("ask-again")
    assert len(await scene.bench.said(CopyRequested)) == len(again)


async def test_why_agents_could_not_judge_is_told_in_the_end(scene: Scene) -> None:
    request = await scene.requested()
    await scene.write(request)
    await scene.commit(request)
    await scene.complete(request, None)
    why = Unavailable("the mount is stale", hint="mount it again").problem
    tries = scene.bench.service.deps.settings.inspect_attempts
    for _ in range(tries + 1):
        await scene.bench.run_timers("send-inspections")
        sent = (await scene.bench.said(InspectObject))[-1]
        assert isinstance(sent, InspectObject)
        report = ObjectInspected(inspection_id=sent.inspection_id, host_id="h1", error=why)
        await scene.bench.handle(report, source="agent/h1")
        await scene.pass_seconds(2)
    assert len(await scene.bench.said(InspectObject)) == tries
    error = (await last(scene)).state.error
    assert error is not None
    assert "the mount is stale" in error.cause
    assert error.hint == "mount it again"


async def between(scene: Scene, call: str, then: Callable[[], Awaitable[Any]]) -> None:
    """Let something happen after the store answered ``call`` and before it is recorded."""
    async with scene.bench.tx() as tx:
        row = await tx.row("store", "s1")
    assert row is not None
    stores = scene.bench.service.deps.stores
    driver = await stores.driver(StoreRow("s1", row["provider"], row["settings"], row["sealed"]))
    really = getattr(driver, call)

    async def hooked(asked: Value) -> object:
        answer = await really(asked)
        await then()
        return answer

    setattr(driver, call, hooked)


async def test_a_write_released_while_it_is_granted_leaves_no_part(scene: Scene) -> None:
    request = await scene.requested()
    release = ReleaseGrants(grant=request.destination.grant, epoch=1)
    await between(scene, "grant", lambda: scene.bench.handle(release))
    with pytest.raises(GrantRefused):
        await scene.redeem(request, request.destination.grant.id, size=10)
    await scene.bench.run_intents()
    assert scene.leftovers("s1") == []


async def test_a_write_released_while_it_is_committed_leaves_no_object(scene: Scene) -> None:
    request = await scene.requested()
    await scene.write(request)
    release = ReleaseGrants(grant=request.destination.grant, epoch=1)
    await between(scene, "commit", lambda: scene.bench.handle(release))
    said = await scene.commit(request)
    assert [type(m) for m in said] == [HopCommitFailed]
    await scene.bench.run_intents()
    assert scene.leftovers("s1") == []


async def test_a_writer_taken_over_while_the_store_is_away_is_still_cleaned_up(
    scene: Scene,
) -> None:
    request = await scene.requested()
    await scene.write(request)
    root, away = scene.folder / "s1", scene.folder / "away"
    root.rename(away)
    changes: dict[str, Any] = {"epoch": 2, "generation": 2, "size": 10}
    with pytest.raises(Unavailable):
        await scene.redeem(request, request.destination.grant.id, **changes)
    away.rename(root)
    await scene.redeem(request, request.destination.grant.id, **changes)
    await scene.bench.run_intents()
    assert scene.leftovers("s1") == [".stowage/hop1.2.part", ".stowage/hop1.2.part.key"]


async def test_a_commit_after_the_store_was_removed_is_answered(scene: Scene) -> None:
    request = await scene.requested()
    async with scene.bench.tx() as tx:
        await tx.run("drop_refs_on_store", "s1")
    commit = CommitHop(
        hop_id="hop1",
        copy_id="copy1",
        epoch=1,
        destination=request.destination,
        receipt=scene.receipt(),
    )
    (said,) = await scene.bench.handle(commit)
    assert isinstance(said, HopCommitFailed)
