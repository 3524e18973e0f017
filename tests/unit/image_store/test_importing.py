"""Objects of another cloud are taken over where they lie, and nothing is believed unread."""

from datetime import UTC, datetime
from typing import Any

import pytest
from image_store.model.finding import meant_by
from stowage_contracts.errors import Conflict, NotFound
from stowage_contracts.messages.image_store import DeleteTemplate, ImportObject, Place
from stowage_contracts.values import ImageFormat, ObjectKind, ObjectRef
from stowage_contracts.views import TemplateView

from tests.unit.image_store.lab import LabProvider
from tests.unit.image_store.scene import Scene
from tests.unit.image_store.shelves import Shelves

KEY = "template/tmpl/2/203/centos.qcow2"
LONG_AGO = datetime(2013, 4, 5, 6, 7, 8, tzinfo=UTC)


@pytest.fixture
async def shelves(scene: Scene, lab: LabProvider) -> Shelves:
    shelves = Shelves(scene, lab)
    await shelves.begin()
    return shelves


def asked(*places: Place, **changes: Any) -> ImportObject:
    return ImportObject(
        object=ObjectRef(kind=ObjectKind.TEMPLATE, id="t1"),
        account_id="acme",
        name="centos",
        format="qcow2",
        scope_type="zone",
        zones=("z1",),
        hypervisor="KVM",
        created=LONG_AGO,
        places=places or (Place(store_id="s1", key=KEY),),
    ).model_copy(update=changes)


async def taken(shelves: Shelves, message: ImportObject, **judging: Any) -> TemplateView:
    """The template once everything was looked for, and read by an agent."""
    await shelves.scene.bench.handle(message)
    await shelves.settle()
    await shelves.judge(**judging)
    await shelves.settle()
    return await shelves.template()


async def test_it_is_read_where_it_lies_and_keeps_its_facts(shelves: Shelves) -> None:
    shelves.lab.put(KEY, b"disk")
    view = await taken(shelves, asked(Place(store_id="s1", key=KEY, size=4), tags=("old",)))
    (replica,) = view.replicas
    assert (replica.state, replica.in_place, replica.size) == ("Ready", True, 4)
    assert replica.verified is not None
    assert (view.created, view.name, view.account_id, view.tags) == (
        LONG_AGO,
        "centos",
        "acme",
        ("old",),
    )
    assert [(zone.zone_id, zone.ready) for zone in view.zones] == [("z1", True)]
    assert "write_note" not in shelves.lab.diary.did


async def test_said_again_nothing_changes(shelves: Shelves) -> None:
    shelves.lab.put(KEY, b"disk")
    before = await taken(shelves, asked())
    said = await shelves.scene.bench.handle(asked())
    await shelves.settle()
    assert await shelves.judge() == 0
    assert await shelves.template() == before
    assert [type(message).__name__ for message in said] == ["TemplateChanged"]


async def test_deleting_it_leaves_its_bytes(shelves: Shelves) -> None:
    shelves.lab.put(KEY, b"disk")
    await taken(shelves, asked())
    await shelves.scene.bench.handle(DeleteTemplate(template_id="t1"))
    await shelves.settle()
    assert (await shelves.template()).replicas == ()
    assert shelves.lab.shelves["lab"].objects[KEY].content == b"disk"


async def test_a_deleted_one_comes_back_only_when_asked_for_later(shelves: Shelves) -> None:
    shelves.lab.put(KEY, b"disk")
    await shelves.scene.bench.handle(DeleteTemplate(template_id="t1"))
    await shelves.scene.bench.handle(asked())
    assert await shelves.judge() == 0


@pytest.mark.parametrize(
    ("place", "accept", "code"),
    [
        (Place(store_id="s1", key="template/none"), True, "not_found.object"),
        (Place(store_id="s1", key=KEY, size=5), True, "image.size"),
        (Place(store_id="s1", key=KEY), False, "image.hostile"),
        (Place(store_id="s1", key="../etc"), True, "invalid.key"),
    ],
)
async def test_what_is_not_as_recorded_fails_and_stays(
    shelves: Shelves, place: Place, accept: bool, code: str
) -> None:
    shelves.lab.put(KEY, b"disk")
    view = await taken(shelves, asked(place), accept=accept)
    (replica,) = view.replicas
    assert (replica.state, replica.error and replica.error.code) == ("Failed", code)
    assert not view.ready
    assert shelves.lab.shelves["lab"].objects[KEY].content == b"disk"


async def test_a_failed_one_is_tried_anew(shelves: Shelves) -> None:
    assert (await taken(shelves, asked())).replicas[0].state == "Failed"
    shelves.lab.put(KEY, b"disk")
    view = await taken(shelves, asked())
    assert (view.ready, view.error) == (True, None)


async def test_a_store_that_is_unknown_is_the_objects_error(shelves: Shelves) -> None:
    shelves.lab.put(KEY, b"disk")
    places = (Place(store_id="s9", key=KEY), Place(store_id="s1", key=KEY))
    await shelves.scene.bench.handle(asked(*places))
    view = await shelves.template()
    assert view.error is not None
    assert view.error.resource == "store/s9"
    assert [one.store_id for one in view.replicas] == ["s1"]


async def test_what_another_object_wrote_is_not_taken(shelves: Shelves) -> None:
    key = await shelves.ready("t9")
    await shelves.settle()
    view = await taken(shelves, asked(Place(store_id="s1", key=key)))
    assert view.error is not None
    assert view.error.code == "conflict.exists"
    assert view.replicas == ()


async def test_a_name_without_its_end_is_found(shelves: Shelves) -> None:
    shelves.lab.put("snapshots/2/5/ab.vhd", b"disk")
    shelves.lab.put("snapshots/2/5/abc.vhd", b"other")
    place = Place(store_id="s1", key="snapshots/2/5/ab")
    view = await taken(shelves, asked(place, format=ImageFormat.QCOW2))
    assert (view.ready, view.size) == (True, 4)


def test_a_folder_means_the_one_image_in_it() -> None:
    names = ["t/2/203/template.properties", "t/2/203/a.vhd", "t/2/2030/b.vhd"]
    assert meant_by("t/2/203", names, ImageFormat.VHD) == "t/2/203/a.vhd"


def test_the_declared_format_decides_between_several() -> None:
    names = ["f/a.ova", "f/a.vmdk", "f/a.ovf"]
    assert meant_by("f", names, ImageFormat.OVA) == "f/a.ova"


@pytest.mark.parametrize(
    ("names", "refusal"),
    [(["f/a.vhd", "f/b.vhd"], Conflict), (["f/a.ovf"], NotFound), ([], NotFound)],
)
def test_none_or_several_are_no_image(names: list[str], refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        meant_by("f", names, ImageFormat.VHD)
