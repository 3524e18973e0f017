"""An image store becomes a cache: all of it is handed over, no byte moves, nothing is lost."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from image_store.handlers.demoting import on_demote_store
from pydantic import SecretStr
from stowage_contracts import sealing
from stowage_contracts.message import Message
from stowage_contracts.messages.image_store import (
    ChangeObject,
    CopyRequested,
    DemoteStore,
    EvacuateStore,
    StoreChanged,
    StoreDemoted,
    StoreRemoved,
)
from stowage_contracts.values import Scope, StoreRole, StoreState
from stowage_runtime.secrets import Opener, Sealer

from tests.unit.image_store.lab import LabProvider
from tests.unit.image_store.scene import Scene
from tests.unit.image_store.test_keeping import T1, carry_out, kept, ready, shown, states

__all__ = ["ready"]
DEMOTE = DemoteStore(store_id="s1", cache_store_id="c1", name="cache", scope=Scope.zone("z1"))


@pytest.fixture
async def spare(ready: Scene) -> Scene:
    """Template t1 is Ready on s1 and s2, and one copy is enough."""
    await ready.store("s2")
    await ready.bench.handle(ChangeObject(object=T1, min_copies=2))
    (request,) = await kept(ready)
    await carry_out(ready, request)
    await ready.bench.handle(ChangeObject(object=T1, min_copies=1))
    await ready.bench.run_intents()
    return ready


def refusal(said: Sequence[Message]) -> str:
    (changed,) = said
    assert isinstance(changed, StoreChanged)
    assert changed.state.error is not None
    assert changed.state.state is StoreState.UP
    return changed.state.error.code


async def test_a_store_is_given_up_as_it_stands(spare: Scene) -> None:
    before = spare.leftovers("s1")
    said = await spare.bench.handle(DEMOTE)
    (removed,) = [m for m in said if isinstance(m, StoreRemoved)]
    assert (removed.state.id, removed.state.state) == ("s1", StoreState.REMOVED)
    (demoted,) = [m for m in said if isinstance(m, StoreDemoted)]
    cache = demoted.cache
    assert (cache.id, cache.name, cache.role) == ("c1", "cache", StoreRole.IMAGE_CACHE)
    assert (cache.provider, cache.settings["root"]) == ("directory", str(spare.folder / "s1"))
    assert demoted.sealed == ""
    assert set(states(await shown(spare))) == {"s2"}
    await spare.bench.run_intents()
    assert spare.leftovers("s1") == before
    assert [name.partition("/")[0] for name in before] == [".stowage", "template"], "note, bytes"
    assert await spare.bench.handle(DEMOTE) == []


async def test_objects_are_brought_to_as_many_stores_as_is_wished_again(spare: Scene) -> None:
    await spare.bench.handle(ChangeObject(object=T1, min_copies=2))
    await spare.store("s3")
    await spare.bench.handle(DEMOTE)
    (request,) = await kept(spare)
    assert (request.source.store_id, request.destination.store_id) == ("s2", "s3")


async def test_the_only_replica_of_anything_keeps_a_store(ready: Scene) -> None:
    said = await ready.bench.handle(DEMOTE)
    assert refusal(said) == "conflict.store_in_use"
    assert set(states(await shown(ready))) == {"s1"}


async def test_a_copy_that_reads_keeps_a_store(spare: Scene) -> None:
    await spare.store("s3")
    await spare.bench.handle(ChangeObject(object=T1, min_copies=3))
    (request,) = await kept(spare)
    read = str(request.source.store_id)
    said = await spare.bench.handle(DEMOTE.model_copy(update={"store_id": read}))
    assert refusal(said) == "conflict.store_busy"
    await carry_out(spare, request)
    said = await spare.bench.handle(DEMOTE.model_copy(update={"store_id": read}))
    assert any(isinstance(m, StoreDemoted) for m in said)


async def test_a_copy_that_writes_keeps_a_store(scene: Scene) -> None:
    request = await scene.requested()
    assert isinstance(request, CopyRequested)
    assert refusal(await scene.bench.handle(DEMOTE)) == "conflict.store_busy"


async def test_an_empty_store_is_demoted_at_once(scene: Scene) -> None:
    await scene.zone()
    await scene.store()
    said = await scene.bench.handle(DEMOTE)
    assert [type(m) for m in said] == [StoreRemoved, StoreDemoted]


REFUSED = {
    "another zone": ({"scope": Scope.zone("z9")}, "invalid.scope"),
    "the whole region": ({"scope": Scope.region()}, "invalid.scope"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_cache_that_could_not_be_is_refused(spare: Scene, case: str) -> None:
    changes, code = REFUSED[case]
    assert refusal(await spare.bench.handle(DEMOTE.model_copy(update=changes))) == code


async def test_a_store_that_is_being_emptied_is_left_to_that(spare: Scene) -> None:
    await spare.bench.handle(EvacuateStore(store_id="s1"))
    (said,) = await spare.bench.handle(DEMOTE)
    assert isinstance(said, StoreChanged)
    assert said.state.error is not None
    assert said.state.error.code == "conflict.leaving"


async def secretive(scene: Scene, lab: LabProvider) -> None:
    """An empty store s1 that has a key."""
    lab.diary.key = "canary"
    await scene.zone()
    public = scene.keys["stowage_seal_public_key_image_store"]
    sealed = Sealer.seal(public, b'{"key": "canary"}', sealing.for_store("s1"))
    await scene.store(provider="lab", settings={"shelf": "one"}, sealed=sealed)


async def test_its_secrets_are_sealed_for_the_owner_of_caches_alone(
    scene: Scene, lab: LabProvider
) -> None:
    await secretive(scene, lab)
    said = await scene.bench.handle(DEMOTE)
    (demoted,) = [m for m in said if isinstance(m, StoreDemoted)]
    assert "canary" not in demoted.model_dump_json()
    private = SecretStr(scene.keys["stowage_seal_private_key_cache_autoscaler"])
    opened = Opener(private).open(demoted.sealed, sealing.for_store("c1"))
    assert json.loads(opened)["key"] == "canary"


async def test_secrets_nobody_can_be_given_keep_a_store(scene: Scene, lab: LabProvider) -> None:
    await secretive(scene, lab)
    deps = scene.bench.service.deps
    bare = deps.settings.model_copy(update={"seal_public_key_cache_autoscaler": ""})
    before = len(await scene.bench.said())
    async with scene.bench.tx() as tx:
        await on_demote_store(DEMOTE, tx, replace(deps, settings=bare))
    assert refusal((await scene.bench.said())[before:]) == "conflict.seal_key"
