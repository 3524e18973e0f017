"""Bytes that others put on a store: adopted, taken in place, lied about, never deleted by us."""

import json
from typing import Any

import pytest
from stowage_contracts.catalogue import FindingKind, Manifest
from stowage_contracts.messages.image_store import (
    AdoptStore,
    DeleteTemplate,
    EvacuateStore,
    ProbeStore,
    RemoveStore,
)
from stowage_contracts.values import ReplicaState

from tests.unit.image_store.lab import LabProvider
from tests.unit.image_store.scene import Scene
from tests.unit.image_store.shelves import Shelves


@pytest.fixture
def shelves(scene: Scene, lab: LabProvider) -> Shelves:
    return Shelves(scene, lab)


async def lost(shelves: Shelves) -> str:
    """A store with template t1 and its manifest, of which the database knows nothing; its key."""
    await shelves.begin()
    key = await shelves.ready()
    await shelves.settle()
    async with shelves.scene.bench.database.begin() as connection:
        for table in ("object_store_ref", "stored_object", "inspections", "grants", "verdicts"):
            await connection.execute(f"DELETE FROM {table}")
    return key


async def adopt(shelves: Shelves, store_id: str = "s1", **judging: Any) -> None:
    await shelves.scene.bench.handle(AdoptStore(store_id=store_id))
    await shelves.settle()
    while await shelves.judge(**judging):
        await shelves.settle()
        await shelves.scene.pass_seconds(2)


@pytest.mark.parametrize("judged", [False, True])
async def test_removing_a_store_deletes_nothing_that_was_found_there(
    shelves: Shelves, judged: bool
) -> None:
    key = await lost(shelves)
    await shelves.scene.bench.handle(AdoptStore(store_id="s1"))
    await shelves.settle()
    if judged:
        await shelves.judge(accept=False)
    await shelves.scene.bench.handle(RemoveStore(store_id="s1"))
    await shelves.settle()
    async with shelves.scene.bench.tx() as tx:
        assert await tx.row("store", "s1") is None
    assert key in shelves.lab.shelves["lab"].objects


async def test_emptying_a_store_deletes_nothing_that_nobody_vouched_for(shelves: Shelves) -> None:
    key = await lost(shelves)
    await adopt(shelves, accept=False)
    await shelves.scene.bench.handle(EvacuateStore(store_id="s1", remove=True))
    await shelves.scene.bench.run_timers("follow-evacuations")
    await shelves.settle()
    assert key in shelves.lab.shelves["lab"].objects
    evacuation = (await shelves.view()).evacuation
    assert evacuation is None or evacuation.objects_left == 1


async def test_a_store_being_removed_is_not_adopted(shelves: Shelves) -> None:
    await lost(shelves)
    await shelves.scene.bench.handle(RemoveStore(store_id="s1"))
    await shelves.scene.bench.handle(AdoptStore(store_id="s1"))
    assert await shelves.scene.bench.intents("adopt") == []


@pytest.mark.parametrize(
    "lie",
    [
        {"min_copies": 10**12},
        {"min_copies": -5},
        {"max_copies": 0},
        {"max_copies": 10**12},
        {"virtual_size": 10**30},
        {"name": "a\x00b"},
        {"tags": ["a\x00b"]},
        {"tags": ["t"] * 5000},
        {"hypervisor": None},
        {"zones": ["nowhere"]},
        {"zones": []},
        {"scope": {"type": "pod", "id": "p1", "zone_id": "z1"}},
        {"parent_id": "t1"},
        {"account_id": "victim"},
        {"created": "0001-01-01T00:00:00+14:00"},
        {"format": "iso"},
        {"object": {"kind": "volume", "id": "t1"}},
        {"object": {"kind": "iso", "id": "t1"}},
        {"object": {"kind": "template", "id": "t2"}},
        {"size": 10**30},
        "{" * 65_000,
        "[" * 65_000,
        "\ud7ff" * 20_000,
    ],
    ids=str,
)
async def test_no_manifest_however_mad_stops_the_others(
    shelves: Shelves, lie: dict[str, Any] | str
) -> None:
    await shelves.begin()
    bad = await shelves.ready("t1", content=b"bad")
    await shelves.ready("tz", content=b"good")
    await shelves.settle()
    notes = shelves.lab.diary.notes
    told = Manifest.model_validate_json(notes[bad]).model_dump(mode="json")
    notes[bad] = lie if isinstance(lie, str) else json.dumps(told | lie)
    async with shelves.scene.bench.database.begin() as connection:
        for table in ("object_store_ref", "stored_object", "inspections", "grants", "verdicts"):
            await connection.execute(f"DELETE FROM {table}")
    await shelves.scene.bench.forget()
    await adopt(shelves)
    assert (await shelves.template("tz")).ready
    assert (await shelves.view()).error is None
    await shelves.scene.pass_seconds(1)
    await shelves.scene.bench.run_timers("keep", "scrub", "follow-evacuations")
    await shelves.scene.bench.handle(DeleteTemplate(template_id="tz"))
    await shelves.settle()
    assert bad in shelves.lab.shelves["lab"].objects


async def test_a_manifest_beside_anothers_key_is_not_believed(shelves: Shelves) -> None:
    key = await lost(shelves)
    stored = shelves.lab.shelves["lab"].objects
    planted = "import/mallory/disk"
    shelves.lab.put(planted, b"evil")
    told = Manifest.model_validate_json(shelves.lab.diary.notes[key])
    forged = told.model_copy(update={"size": 4, "name": "official"})
    shelves.lab.diary.notes[planted] = forged.model_dump_json()
    await adopt(shelves)
    view = await shelves.template()
    assert view.name != "official"
    assert planted in stored
    found = (await shelves.findings()).findings
    assert [(one.kind, one.key) for one in found] == [(FindingKind.ORPHAN, planted)]


async def test_an_object_taken_in_place_is_not_anothers_replica(shelves: Shelves) -> None:
    await shelves.begin()
    key = await shelves.ready()
    await shelves.scene.bench.handle(
        shelves.scene.registration(
            template_id="t2",
            copy_id="copy2",
            sealed_url=shelves.sealed(f"s3://lab/{key}", "t2"),
            in_place=True,
            admin=True,
        )
    )
    await shelves.settle()
    view = await shelves.template("t2")
    assert view.error is not None
    assert view.error.code == "conflict.exists"
    assert (await shelves.template("t1")).replicas[0].state is ReplicaState.READY


async def test_a_copy_on_the_server_that_does_not_fit_leaves_nothing(shelves: Shelves) -> None:
    await shelves.begin()
    shelves.lab.put("import/acme/big", b"b" * 4096)
    async with shelves.scene.bench.database.begin() as connection:
        await connection.execute("UPDATE image_data_store SET total_bytes = 1000, used_bytes = 0")
    await shelves.scene.bench.handle(
        shelves.scene.registration(sealed_url=shelves.sealed("s3://lab/import/acme/big", "t1"))
    )
    await shelves.settle()
    view = await shelves.template()
    assert view.error is not None
    assert view.error.code == "out_of_space"
    assert list(shelves.lab.shelves["lab"].objects) == ["import/acme/big"]


async def test_bytes_written_while_a_probe_measured_are_counted(shelves: Shelves) -> None:
    await shelves.begin()

    async def meanwhile() -> None:
        async with shelves.scene.bench.tx() as tx:
            await tx.run("store_filled", "s1", 5000)

    shelves.lab.diary.measuring = meanwhile
    await shelves.scene.bench.handle(ProbeStore(store_id="s1"))
    await shelves.settle()
    assert (await shelves.view()).used_bytes == 5000
