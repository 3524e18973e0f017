"""Cache stores: proven before they exist, degraded while they fail, drained before they go."""

import json
from typing import Any

import pytest
from stowage_contracts.messages.cache_autoscaler import (
    CacheAdded,
    CacheChanged,
    CacheDraining,
    CacheRejected,
    CacheRemoved,
)
from stowage_contracts.messages.image_store import ProbeStore, RemoveStore
from stowage_contracts.sealing import for_store
from stowage_contracts.values import Scope, StoreRole
from stowage_runtime.secrets import Sealer

from tests.unit.cache_autoscaler.scene import Scene


async def test_a_good_store_is_added_with_its_checks_and_room(scene: Scene) -> None:
    (added,) = await scene.store()
    assert isinstance(added, CacheAdded)
    assert (added.state.state, added.state.role) == ("Up", "ImageCache")
    assert all(check.ok for check in added.state.checks)
    assert added.state.total_bytes
    assert scene.files() == []


async def test_a_bad_store_is_rejected_and_leaves_nothing(scene: Scene) -> None:
    (rejected,) = await scene.store(settings={"root": str(scene.folder / "missing")})
    assert isinstance(rejected, CacheRejected)
    assert rejected.state.error is not None
    assert rejected.state.error.code == "unavailable.missing"
    assert await scene.sql("SELECT FROM cache_autoscaler.cache_stores") == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"provider": "nobody's"}, "invalid.provider"),
        ({"settings": {"root": "relative"}}, "invalid.store_settings"),
        ({"settings": {}}, "invalid.store_settings"),
        ({"role": StoreRole.IMAGE}, "invalid.role"),
        ({"sealed": "box1.AAAA"}, "invalid.secret"),
    ],
)
async def test_a_wrong_request_is_refused_before_any_probe(
    scene: Scene, changes: dict[str, Any], code: str
) -> None:
    (rejected,) = await scene.bench.handle(scene.adding(**changes))
    assert isinstance(rejected, CacheRejected)
    assert rejected.state.error is not None
    assert rejected.state.error.code == code
    assert await scene.bench.intents() == []


async def test_the_same_place_is_never_two_stores(scene: Scene) -> None:
    await scene.store()
    (rejected,) = await scene.bench.handle(
        scene.adding("k2", settings={"root": str(scene.folder / "k1")})
    )
    assert isinstance(rejected, CacheRejected)
    (again,) = await scene.bench.handle(scene.adding())
    assert isinstance(again, CacheChanged)


async def test_secrets_are_sealed_on_the_way_and_at_rest(scene: Scene) -> None:
    public = scene.keys["stowage_seal_public_key_cache_autoscaler"]
    secret = json.dumps({"secret_key": "canary-secret"}).encode()
    settings = {"endpoint": "http://127.0.0.1:1", "bucket": "b-1", "access_key": "AK"}
    command = scene.adding(
        provider="S3",
        scope=Scope.region(),
        settings=settings,
        sealed=Sealer.seal(public, secret, for_store("k1")),
    )
    assert await scene.bench.handle(command) == []
    (row,) = await scene.sql("SELECT * FROM cache_autoscaler.cache_stores")
    assert "canary-secret" not in repr(row)
    (rejected,) = await scene.intents()
    assert isinstance(rejected, CacheRejected)
    assert rejected.state.error is not None
    assert rejected.state.error.code == "unavailable.endpoint"
    assert "canary-secret" not in rejected.model_dump_json()


async def test_a_store_that_fails_a_probe_degrades_and_heals(scene: Scene) -> None:
    await scene.store()
    (scene.folder / "k1").rename(scene.folder / "away")
    await scene.bench.handle(ProbeStore(store_id="k1"))
    (changed,) = await scene.intents()
    assert isinstance(changed, CacheChanged)
    assert changed.state.state == "Degraded"
    waiting = await scene.reserve("c1")
    assert (waiting.answer, waiting.reason) == ("wait", "k1: is Degraded")
    (scene.folder / "away").rename(scene.folder / "k1")
    await scene.pass_seconds(11)
    await scene.bench.run_timers("probe-stores")
    (changed,) = await scene.intents()
    assert isinstance(changed, CacheChanged)
    assert changed.state.state == "Up"
    assert (await scene.reserve("c1")).answer == "fill"


async def test_a_removed_store_lets_pinned_work_finish_then_empties_and_goes(scene: Scene) -> None:
    await scene.store()
    reply = await scene.fill("c1")
    (draining,) = await scene.bench.handle(RemoveStore(store_id="k1"))
    assert isinstance(draining, CacheDraining)
    assert await scene.bench.handle(RemoveStore(store_id="k1")) == []
    await scene.bench.run_timers("drain")
    assert await scene.read(reply)
    assert (await scene.reserve("c2")).answer == "none"
    await scene.completed(reply)
    await scene.bench.run_timers("drain")
    await scene.intents()
    await scene.bench.run_timers("drain")
    (removed,) = await scene.bench.said(CacheRemoved)
    assert isinstance(removed, CacheRemoved)
    assert removed.state.state == "Removed"
    assert scene.files() == []
    assert await scene.sql("SELECT FROM cache_autoscaler.cache_stores") == []


async def test_a_store_that_cannot_be_emptied_is_removed_at_its_deadline(scene: Scene) -> None:
    await scene.store()
    reply = await scene.fill("c1")
    await scene.completed(reply)
    await scene.bench.handle(RemoveStore(store_id="k1"))
    (scene.folder / "k1").rename(scene.folder / "away")
    await scene.bench.run_timers("drain")
    await scene.intents()
    assert await scene.bench.said(CacheRemoved) == []
    await scene.pass_seconds(3601)
    await scene.bench.run_timers("drain")
    assert len(await scene.bench.said(CacheRemoved)) == 1
    (why,) = await scene.sql("SELECT reason FROM cache_autoscaler.decisions WHERE kind = 'remove'")
    assert "1 entries" in why["reason"]
