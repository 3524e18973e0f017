"""What of another cloud is taken, from where, and why the rest is not."""

from typing import Any

import pytest
from stowage_client.importing.choosing import REASONS

from tests.unit.client.importing.cloud import chooser, copy, store, thing


def test_an_object_is_taken_with_its_facts() -> None:
    choice = chooser(tags=("old",)).choose(thing(public=True, shared_with=("a9",)))
    assert choice.body is not None
    assert choice.body["places"] == [{"store_id": "id-1", "key": "template/tmpl/2/203/a.qcow2"}]
    assert choice.body["created"] == "2013-04-05T06:07:08+00:00"
    assert (choice.body["zones"], choice.body["tags"]) == (["z1"], ["old"])
    told = choice.body["description"]
    assert (told["public"], told["shared_with"]) == (True, ["a9"])
    assert (told["attributes"]["account"], told["attributes"]["domain"]) == ("acme", "/lab/")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"state": "NotUploaded"}, "not_uploaded"),
        ({"state": "Inactive"}, "inactive"),
        ({"direct": True}, "direct_download"),
        ({"account": 9}, "owner_unknown"),
        ({"zones": (2,)}, "zone_gone"),
        ({"format": "BAREMETAL"}, "format"),
        ({"noun": "snapshot", "state": "Error"}, "not_backed_up"),
        ({"noun": "volume", "state": "Ready"}, "on_pool"),
    ],
)
def test_some_objects_are_not_taken_whatever_is_stored(changes: dict[str, Any], code: str) -> None:
    choice = chooser().choose(thing(**changes))
    assert (choice.body, choice.code) == (None, code)
    assert code in REASONS


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"destroyed": True}, "destroyed"),
        ({"state": "Destroying"}, "destroyed"),
        ({"state": "Allocated"}, "not_ready"),
        ({"download": "DOWNLOAD_ERROR"}, "download_error"),
        ({"path": ""}, "no_path"),
        ({"store": ""}, "not_placed"),
        ({"store": "s/9"}, "store_unknown"),
        ({"store": "s/2"}, "store_gone"),
        ({"primary": True}, "primary"),
    ],
)
def test_some_copies_are_no_copies(changes: dict[str, Any], code: str) -> None:
    rules = chooser(store(), store("s/2", removed=True))
    bad = copy(**{"store": "s/1", **changes})
    assert rules.choose(thing(bad)).code == code
    both = rules.choose(thing(bad, copy()))
    assert both.body is not None
    assert [why for _, why in both.left] == [code]


def test_nothing_recorded_is_nowhere() -> None:
    assert chooser().choose(thing(copies=())).code == "nowhere"


def test_a_copy_that_is_read_or_moved_is_one() -> None:
    for state in ("Copying", "Migrating"):
        assert chooser().choose(thing(copy(state=state))).body is not None


def test_a_cache_is_asked_only_where_nothing_else_is() -> None:
    rules = chooser(store(), store("s/2", role="ImageCache"))
    both = rules.choose(thing(copy(), copy("s/2")))
    assert (both.stores, [why for _, why in both.left]) == (("s/1",), ["cached"])
    alone = rules.choose(thing(copy(path=""), copy("s/2")))
    assert alone.stores == ("s/2",)


def test_two_records_of_one_store_are_one_place() -> None:
    choice = chooser().choose(thing(copy(), copy()))
    assert choice.body is not None
    assert len(choice.body["places"]) == 1


def test_a_snapshot_stands_on_another_only_where_it_is_a_difference() -> None:
    told = {"noun": "snapshot", "state": "BackedUp", "parent_id": "s0", "format": ""}
    kvm = chooser().choose(thing(hypervisor="KVM", **told))
    xen = chooser().choose(thing(hypervisor="XenServer", **told))
    assert kvm.body is not None
    assert xen.body is not None
    assert "parent_id" not in kvm.body
    assert (xen.body["parent_id"], xen.notes) == ("s0", ("delta",))


def test_a_swift_key_begins_with_its_container() -> None:
    rules = chooser(store(provider="Swift"))
    of_volume = {"noun": "snapshot", "state": "BackedUp", "volume": 5}
    choice = rules.choose(thing(copy(path="snapshots/2/5/a"), **of_volume))
    assert choice.body is not None
    assert choice.body["places"][0]["key"] == "S-5/a"
