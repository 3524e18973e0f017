"""A store is proven before it exists, and nothing of a bad one stays."""

from typing import Any

import pytest
from stowage_contracts.messages.image_store import (
    CopyRequested,
    ProbeStore,
    RemoveStore,
    ReplicaFailed,
    StoreAdded,
    StoreChanged,
    StoreDegraded,
    StoreRejected,
    StoreRemoved,
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
    said = await scene.bench.handle(RemoveStore(store_id="s1"))
    assert any(isinstance(m, StoreRemoved) for m in said)
    (failed,) = [m for m in said if isinstance(m, ReplicaFailed)]
    assert failed.error.code == "conflict.store_removed"
    assert failed.copy_id == request.copy_id


async def test_adding_a_store_again_tells_its_state_and_changes_nothing(scene: Scene) -> None:
    await scene.zone()
    await scene.store()
    again = await scene.store()
    assert not await scene.bench.said(StoreRejected)
    assert again == []
    (told,) = await scene.bench.said(StoreChanged)
    assert isinstance(told, StoreChanged)
    assert told.state.state is StoreState.UP
