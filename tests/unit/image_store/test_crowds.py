"""Many at once: no byte over what a store has, and thousands of files that are nobody's."""

import asyncio

import pytest
from stowage_contracts.catalogue import PlacementRule
from stowage_contracts.messages.image_store import (
    AdoptStore,
    FinishUpload,
    OpenUpload,
    RegisterTemplate,
    RemoveStore,
    SetPlacementRule,
)
from stowage_contracts.values import ObjectRef

from tests.unit.image_store.lab import LabProvider
from tests.unit.image_store.scene import CONTENT, Scene
from tests.unit.image_store.shelves import Shelves

_WRITERS, _SIZE, _ROOM = 200, 10, 955
T1 = ObjectRef(kind="template", id="t1")


@pytest.fixture
def shelves(scene: Scene, lab: LabProvider) -> Shelves:
    return Shelves(scene, lab)


async def test_two_hundred_uploads_at_once_are_promised_no_byte_over(scene: Scene) -> None:
    await scene.zone()
    await scene.store()
    high = scene.bench.service.deps.settings.store_high_water
    async with scene.bench.database.begin() as connection:
        await connection.execute(
            "UPDATE image_data_store SET total_bytes = $1, used_bytes = 0 WHERE id = 's1'",
            int(_ROOM / high) + 1,
        )
    asked = [
        scene.registration(template_id=f"t{n}", copy_id=f"c{n}", sealed_url="", size=_SIZE)
        for n in range(_WRITERS)
    ]
    connections = asyncio.Semaphore(4)  # the bench has no more

    async def register(one: RegisterTemplate) -> None:
        async with connections:
            await scene.bench.handle(one)

    await asyncio.gather(*(register(one) for one in asked))
    async with scene.bench.database.begin() as connection:
        promised = await connection.fetchval("SELECT sum(reserved) FROM object_store_ref")
        refused = await connection.fetchval(
            "SELECT count(*) FROM stored_object WHERE error ->> 'code' = 'out_of_space'"
        )
    assert promised == _ROOM // _SIZE * _SIZE
    assert refused == _WRITERS - _ROOM // _SIZE


async def test_thousands_of_foreign_files_are_listed_and_left_alone(shelves: Shelves) -> None:
    await shelves.begin()
    for number in range(5000):
        shelves.lab.put(f"foreign/{number}", b"?")
    await shelves.scene.bench.handle(AdoptStore(store_id="s1"))
    await shelves.settle()
    view = await shelves.view()
    assert view.inventory is not None
    assert (view.inventory.objects, view.inventory.orphans) == (5000, 5000)
    assert len(shelves.lab.shelves["lab"].objects) == 5000


async def test_a_size_that_was_mended_is_not_forgotten_for_the_wrong_one(scene: Scene) -> None:
    await scene.zone()
    await scene.store()
    await scene.bench.handle(scene.joined(door="https://door.example"), source="agent/h1")
    await scene.bench.handle(scene.registration(sealed_url="", size=len(CONTENT)))
    await scene.bench.ask(OpenUpload(object=T1, account_id="acme"))
    async with scene.bench.tx() as tx:
        ref = await tx.row("ref_of_upload", "template", "t1")
        assert ref is not None
        grant = await tx.row("write_grant_of", ref["id"])
    assert grant is not None
    part = scene.folder / "s1" / ".stowage" / f"{grant['writer']}.part"
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(CONTENT)
    for size in (1, len(CONTENT)):
        await scene.bench.handle(FinishUpload(object=T1, size=size))
    for _ in range(2):
        await scene.bench.run_intents()
    async with scene.bench.tx() as tx:
        assert await tx.row("inspection_of_ref", ref["id"]) is not None


async def test_a_rule_whose_store_is_gone_says_so(scene: Scene) -> None:
    await scene.zone()
    await scene.store()
    await scene.store("s2")
    rule = PlacementRule(id="r1", name="gold", store_ids=("s2",))
    await scene.bench.handle(SetPlacementRule(rule=rule))
    await scene.bench.handle(RemoveStore(store_id="s2"))
    await scene.bench.run_intents()
    await scene.bench.handle(scene.registration())
    async with scene.bench.tx() as tx:
        row = await tx.row("object", "template", "t1")
    assert row is not None
    assert row["error"]["code"] == "conflict.no_store"
    assert "gold" in row["error"]["cause"]
