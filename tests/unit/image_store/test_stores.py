"""A store is proven before it exists, and nothing of a bad one stays."""

from typing import Any

import pytest
from stowage_contracts.errors import Unavailable
from stowage_contracts.messages.data_motion import CopyFailed
from stowage_contracts.messages.image_store import (
    CopyRequested,
    DeleteTemplate,
    ProbeStore,
    RemoveStore,
    ReplicaFailed,
    StoreAdded,
    StoreChanged,
    StoreDegraded,
    StoreRejected,
    StoreRemoved,
    TemplateChanged,
)
from stowage_contracts.values import Scope, StoreState
from stowage_runtime.secrets import Sealer

from tests.unit.image_store.scene import Scene, accepted


async def test_a_good_store_is_added_with_each_check_and_its_room(scene: Scene) -> None:
    await scene.zone()
    (added,) = await scene.store()
    assert isinstance(added, StoreAdded)
    assert added.state.state is StoreState.UP
    assert added.state.checks
    assert all(check.ok for check in added.state.checks)
    assert added.state.total_bytes


async def test_a_bad_store_names_the_failed_check_and_leaves_nothing(scene: Scene) -> None:
    await scene.zone()
    (rejected,) = await scene.store(settings={"root": str(scene.folder / "absent")})
    assert isinstance(rejected, StoreRejected)
    assert rejected.state.error is not None
    assert rejected.state.error.hint
    assert not all(check.ok for check in rejected.state.checks)
    async with scene.bench.tx() as tx:
        assert await tx.row("store", "s1") is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"provider": "floppy"}, "invalid.provider"),
        ({"settings": {}}, "invalid.store_settings"),
        ({"scope": Scope.zone("nowhere")}, "invalid.zone"),
        ({"sealed": "box1.garbage"}, "invalid.secret"),
    ],
)
async def test_wrong_settings_are_refused_before_any_probe(
    scene: Scene, changes: dict[str, Any], code: str
) -> None:
    await scene.zone()
    await scene.store(**changes)
    (rejected,) = await scene.bench.said(StoreRejected)
    assert isinstance(rejected, StoreRejected)
    assert rejected.state.error is not None
    assert rejected.state.error.code == code
    async with scene.bench.tx() as tx:
        assert await tx.row("store", "s1") is None


async def test_the_same_place_is_never_two_stores(scene: Scene) -> None:
    await scene.zone()
    await scene.store("s1")
    await scene.store("s2", settings={"root": str(scene.folder / "s1")})
    (rejected,) = await scene.bench.said(StoreRejected)
    assert isinstance(rejected, StoreRejected)
    assert rejected.state.error is not None
    assert rejected.state.error.code.startswith("conflict")


async def test_secrets_at_rest_are_bound_to_their_row(scene: Scene) -> None:
    public = scene.keys["stowage_seal_public_key_image_store"]
    await scene.zone()
    sealed = Sealer.seal(public, b'{"secret_key": "canary"}', "image_data_store/another")
    await scene.store(sealed=sealed)
    (rejected,) = await scene.bench.said(StoreRejected)
    assert "canary" not in rejected.model_dump_json()


async def test_a_store_that_fails_later_degrades_once_and_heals(scene: Scene) -> None:
    await scene.zone()
    await scene.store()
    root = scene.folder / "s1"
    root.rename(scene.folder / "away")
    for _ in range(2):
        await _probe(scene)
    assert len(await scene.bench.said(StoreDegraded)) == 1
    (scene.folder / "away").rename(root)
    await _probe(scene)
    changed = [m for m in await scene.bench.said(StoreChanged) if isinstance(m, StoreChanged)]
    assert changed[-1].state.state is StoreState.UP


async def _probe(scene: Scene) -> None:
    await scene.bench.handle(ProbeStore(store_id="s1"))
    await scene.bench.run_intents()


async def test_a_store_with_ready_replicas_is_not_removed(scene: Scene) -> None:
    request = await scene.requested()
    await scene.write(request)
    await scene.commit(request)
    await scene.complete(request, accepted())
    said = await scene.bench.handle(RemoveStore(store_id="s1"))
    (changed,) = [m for m in said if isinstance(m, StoreChanged)]
    assert changed.state.error is not None
    assert changed.state.error.code == "conflict.store_in_use"
    assert "t1" in changed.state.error.cause


async def test_removing_a_store_fails_the_replica_being_made(scene: Scene) -> None:
    request: CopyRequested = await scene.requested()
    await scene.write(request)
    said = await scene.bench.handle(RemoveStore(store_id="s1"))
    (failed,) = [m for m in said if isinstance(m, ReplicaFailed)]
    assert failed.error.code == "conflict.store_removed"
    assert failed.copy_id == request.copy_id
    assert not any(isinstance(m, StoreRemoved) for m in said)
    (removed,) = await _removed(scene)
    assert removed.state.error is None
    assert removed.state.reserved_bytes == 0
    assert scene.leftovers("s1") == []


async def test_a_failed_replica_does_not_keep_its_store(scene: Scene) -> None:
    request = await scene.requested()
    error = Unavailable("source away").problem
    message = CopyFailed(
        state=scene.copy(request, "failed"), destination=request.destination, error=error
    )
    await scene.bench.handle(message)
    await scene.bench.handle(RemoveStore(store_id="s1"))
    assert len(await _removed(scene)) == 1
    await scene.bench.handle(DeleteTemplate(template_id="t1"))
    view = (await scene.bench.said(TemplateChanged))[-1]
    assert isinstance(view, TemplateChanged)
    assert view.state.removed
    assert view.state.replicas == ()


async def test_a_store_that_does_not_answer_is_removed_in_the_end_and_says_so(scene: Scene) -> None:
    request = await scene.requested()
    await scene.write(request)
    (scene.folder / "s1").rename(scene.folder / "away")
    (scene.folder / "s1").write_text("not a directory")
    await scene.bench.handle(RemoveStore(store_id="s1"))
    assert await _removed(scene) == []
    await scene.pass_seconds(600)
    (removed,) = await _removed(scene)
    assert removed.state.error is not None
    async with scene.bench.tx() as tx:
        assert await tx.row("store", "s1") is None


async def _removed(scene: Scene) -> list[StoreRemoved]:
    await scene.bench.run_intents()
    return [m for m in await scene.bench.said(StoreRemoved) if isinstance(m, StoreRemoved)]


async def test_a_store_that_fails_keeps_the_room_it_had(scene: Scene) -> None:
    await scene.zone()
    (added,) = await scene.store()
    assert isinstance(added, StoreAdded)
    (scene.folder / "s1").rename(scene.folder / "away")
    await _probe(scene)
    (degraded,) = await scene.bench.said(StoreDegraded)
    assert isinstance(degraded, StoreDegraded)
    assert degraded.state.total_bytes == added.state.total_bytes


async def test_one_place_is_not_two_stores_by_another_spelling(scene: Scene) -> None:
    await scene.zone()
    await scene.store("s1")
    settings = {"root": str(scene.folder / "s1")}
    await scene.store("s2", provider="DIRECTORY", settings=settings)
    (rejected,) = await scene.bench.said(StoreRejected)
    assert isinstance(rejected, StoreRejected)
    assert rejected.state.settings == {}


async def test_a_pool_its_agent_declares_no_longer_is_disabled_until_it_is_back(
    scene: Scene,
) -> None:
    await scene.zone()
    joined = scene.joined()
    await scene.bench.handle(joined.model_copy(update={"pools": ()}), source="agent/h1")
    await scene.bench.handle(joined, source="agent/h1")
    told = [m for m in await scene.bench.said(StoreChanged) if isinstance(m, StoreChanged)]
    assert [m.state.state for m in told] == [StoreState.DISABLED, StoreState.UP]


async def test_adding_a_store_again_tells_its_state_and_changes_nothing(scene: Scene) -> None:
    await scene.zone()
    await scene.store()
    again = await scene.store()
    assert not await scene.bench.said(StoreRejected)
    assert again == []
    (told,) = await scene.bench.said(StoreChanged)
    assert isinstance(told, StoreChanged)
    assert told.state.state is StoreState.UP
