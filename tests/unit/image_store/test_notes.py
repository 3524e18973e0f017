"""Every object has a manifest beside it that says what the catalogue says."""

import pytest
from stowage_contracts.catalogue import Manifest
from stowage_contracts.errors import Unavailable
from stowage_contracts.messages.image_store import ChangeObject, ChangeStore, DeleteTemplate
from stowage_contracts.values import ObjectKind, ObjectRef

from tests.unit.image_store.lab import LabProvider
from tests.unit.image_store.scene import Scene
from tests.unit.image_store.shelves import Shelves, digest

T1 = ObjectRef(kind=ObjectKind.TEMPLATE, id="t1")


@pytest.fixture
def shelves(scene: Scene, lab: LabProvider) -> Shelves:
    return Shelves(scene, lab)


def _manifest(shelves: Shelves, key: str) -> Manifest:
    return Manifest.model_validate_json(shelves.lab.diary.notes[key])


async def test_a_ready_object_has_its_manifest_beside_it(shelves: Shelves) -> None:
    await shelves.begin()
    key = await shelves.ready(content=b"disk")
    await shelves.settle()
    manifest = _manifest(shelves, key)
    assert manifest.object == T1
    assert (manifest.size, manifest.digest) == (4, digest(b"disk"))
    assert (manifest.name, manifest.zones, manifest.account_id) == ("disk", ("z1",), "acme")


async def test_a_changed_object_is_noted_again(shelves: Shelves) -> None:
    await shelves.begin()
    key = await shelves.ready()
    await shelves.settle()
    change = ChangeObject(object=T1, name="new name", tags=("gold",), max_copies=3)
    await shelves.scene.bench.handle(change)
    await shelves.settle()
    manifest = _manifest(shelves, key)
    assert (manifest.name, manifest.tags, manifest.max_copies) == ("new name", ("gold",), 3)


async def test_a_change_while_a_note_is_written_is_not_lost(shelves: Shelves) -> None:
    await shelves.begin()
    key = await shelves.ready()
    diary = shelves.lab.diary

    async def meanwhile() -> None:
        diary.meanwhile = None
        await shelves.scene.bench.handle(ChangeObject(object=T1, name="late"))

    diary.meanwhile = meanwhile
    await shelves.settle()
    assert diary.did.count("write_note") == 2
    assert _manifest(shelves, key).name == "late"


async def test_a_note_goes_with_its_object(shelves: Shelves) -> None:
    await shelves.begin()
    await shelves.ready()
    await shelves.settle()
    await shelves.scene.bench.handle(DeleteTemplate(template_id="t1"))
    await shelves.settle()
    assert shelves.lab.diary.notes == {}
    assert shelves.lab.shelves["lab"].objects == {}


async def test_a_note_written_after_its_object_was_deleted_does_not_stay(shelves: Shelves) -> None:
    await shelves.begin()
    await shelves.ready()

    async def meanwhile() -> None:
        shelves.lab.diary.meanwhile = None
        await shelves.scene.bench.handle(DeleteTemplate(template_id="t1"))
        async with shelves.scene.bench.tx() as tx:
            (ref,) = await tx.rows("refs_on_store", "s1")
            await tx.run("drop_ref", ref["id"])

    shelves.lab.diary.meanwhile = meanwhile
    await shelves.settle()
    assert shelves.lab.diary.notes == {}


async def test_a_note_that_fails_is_told_and_written_later(shelves: Shelves) -> None:
    await shelves.begin()
    key = await shelves.ready()
    await shelves.scene.bench.handle(ChangeStore(store_id="s1", state="ReadOnly"))
    shelves.lab.diary.failing["write_note"] = Unavailable("the disk is busy", code="busy")
    await shelves.settle()
    assert key not in shelves.lab.diary.notes
    await shelves.scene.pass_seconds(10)
    await shelves.settle()
    assert key in shelves.lab.diary.notes
