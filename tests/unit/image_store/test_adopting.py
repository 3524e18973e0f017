"""The catalogue is rebuilt from what stands on a store, and nothing is believed unread."""

from typing import Any

import pytest
from stowage_contracts.catalogue import FindingKind, Manifest
from stowage_contracts.messages.image_store import AdoptStore, VerifyReplica
from stowage_contracts.values import ObjectKind, ObjectRef, ReplicaState

from tests.unit.image_store.lab import LabProvider
from tests.unit.image_store.scene import Scene
from tests.unit.image_store.shelves import Shelves


@pytest.fixture
def shelves(scene: Scene, lab: LabProvider) -> Shelves:
    return Shelves(scene, lab)


async def _adopt(shelves: Shelves, store_id: str = "s1", **judging: Any) -> int:
    await shelves.scene.bench.handle(AdoptStore(store_id=store_id))
    await shelves.settle()
    judged = 0
    while count := await shelves.judge(**judging):  # an agent is given a few at a time
        judged += count
        await shelves.settle()
        await shelves.scene.pass_seconds(2)
    return judged


async def _lose(shelves: Shelves) -> None:
    """The database forgets every object and all that was known of it."""
    async with shelves.scene.bench.database.begin() as connection:
        for table in ("object_store_ref", "stored_object", "inspections", "grants", "verdicts"):
            await connection.execute(f"DELETE FROM {table}")


async def _catalogue(shelves: Shelves, *ids: str) -> list[dict[str, Any]]:
    """What is shown of templates, but for what time and chance decide."""
    shown = []
    for each in ids:
        view = (await shelves.template(each)).model_dump(mode="json")
        for replica in view["replicas"]:
            del replica["updated"], replica["verified"], replica["copy_id"]
        shown.append(view)
    return shown


async def test_the_catalogue_is_the_same_before_and_after_the_database_was_lost(
    shelves: Shelves,
) -> None:
    await shelves.begin()
    for template_id in ("t1", "t2", "t3"):
        await shelves.ready(template_id, content=f"disk of {template_id}".encode())
    await shelves.settle()
    before = await _catalogue(shelves, "t1", "t2", "t3")
    await _lose(shelves)
    await shelves.scene.bench.forget()
    assert await _adopt(shelves) == 3
    after = await _catalogue(shelves, "t1", "t2", "t3")
    for view in before:
        view["virtual_size"] = len(f"disk of {view['id']}")  # as the gate reads it now
    assert after == before


async def test_foreign_files_are_listed_and_never_adopted(shelves: Shelves) -> None:
    await shelves.begin()
    shelves.lab.put("foreign", b"?")
    shelves.lab.put("noted", b"?")
    shelves.lab.diary.notes["noted"] = '{"version": 7, "shoe": "size"}'
    assert await _adopt(shelves) == 0
    found = (await shelves.findings()).findings
    assert {(one.kind, one.key) for one in found} == {
        (FindingKind.ORPHAN, "foreign"),
        (FindingKind.ORPHAN, "noted"),
    }


@pytest.mark.parametrize(
    ("lie", "code"),
    [({"digest": "sha256-tree-4m:" + "00" * 32}, "image.digest"), ({"size": 99}, "image.size")],
)
async def test_a_manifest_that_lies_ends_failed_with_a_reason_and_its_bytes_stay(
    shelves: Shelves, lie: dict[str, Any], code: str
) -> None:
    await shelves.begin()
    key = await shelves.ready()
    await shelves.settle()
    manifest = Manifest.model_validate_json(shelves.lab.diary.notes[key])
    shelves.lab.diary.notes[key] = manifest.model_copy(update=lie).model_dump_json()
    await _lose(shelves)
    await _adopt(shelves)
    (replica,) = (await shelves.template()).replicas
    assert replica.state is ReplicaState.FAILED
    assert replica.error is not None
    assert replica.error.code == code
    assert key in shelves.lab.shelves["lab"].objects


async def test_what_the_gate_refuses_is_not_taken_in_and_stays(shelves: Shelves) -> None:
    await shelves.begin()
    key = await shelves.ready()
    await shelves.settle()
    await _lose(shelves)
    await _adopt(shelves, accept=False)
    view = await shelves.template()
    assert not view.ready
    assert view.replicas[0].error is not None
    assert key in shelves.lab.shelves["lab"].objects


async def test_what_nobody_vouched_for_is_not_verified_into_readiness(shelves: Shelves) -> None:
    await shelves.begin()
    await shelves.ready()
    await shelves.settle()
    await _lose(shelves)
    await _adopt(shelves, accept=False)
    what = ObjectRef(kind=ObjectKind.TEMPLATE, id="t1")
    await shelves.scene.bench.handle(VerifyReplica(object=what, store_id="s1"))
    assert await shelves.judge() == 0
    assert not (await shelves.template()).ready


async def test_a_failed_adoption_may_be_tried_again(shelves: Shelves) -> None:
    await shelves.begin()
    await shelves.ready()
    await shelves.settle()
    await _lose(shelves)
    await _adopt(shelves, accept=False)
    assert await _adopt(shelves) == 1
    assert (await shelves.template()).ready


async def test_adopting_what_is_known_changes_nothing(shelves: Shelves) -> None:
    await shelves.begin()
    await shelves.ready()
    await shelves.settle()
    before = await _catalogue(shelves, "t1")
    assert await _adopt(shelves) == 0
    assert await _catalogue(shelves, "t1") == before


async def test_a_known_object_gets_the_replica_that_is_missing(shelves: Shelves) -> None:
    await shelves.begin()
    key = await shelves.ready()
    await shelves.settle()
    shelf = shelves.lab.shelves["lab"]
    await shelves.store("s2", shelf="other")
    shelves.lab.shelves["other"].objects[key] = shelf.objects[key]
    assert await _adopt(shelves, "s2") == 1
    replicas = (await shelves.template()).replicas
    assert {r.store_id for r in replicas} == {"s1", "s2"}
    assert {r.state for r in replicas} == {ReplicaState.READY}


async def test_an_agent_that_comes_late_judges_what_was_adopted(shelves: Shelves) -> None:
    await shelves.begin()
    await shelves.ready()
    await shelves.settle()
    await _lose(shelves)
    await shelves.scene.bench.handle(AdoptStore(store_id="s1"))
    await shelves.settle()
    (replica,) = (await shelves.template()).replicas
    assert replica.state is ReplicaState.CREATING
    await shelves.judge()
    assert (await shelves.template()).ready
