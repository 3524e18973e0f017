"""A CloudStack of 4.2 or later: every store, every object, and every known fault."""

from __future__ import annotations

import pytest
from stowage_client.importing.keys import DatabaseKey
from stowage_client.importing.source import Rules
from stowage_client.importing.survey import Survey

from tests.integration.importing.clouds import SECRET, Cloud
from tests.integration.importing.conftest import Read
from tests.integration.importing.test_legacy import places, reasons, taken


def test_the_version_decides_and_not_which_tables_are_there(modern: Cloud, read: Read) -> None:
    report = Survey(read(modern)).report()
    assert (report.version, report.schema_read) == ("4.19.1.0", "4.2+")
    assert "template_host_ref" not in report.tables
    assert report.tables["template_store_ref"] == 14
    assert report.zones == {"zone-1": "zone one", "zone-2": "zone two"}


def test_stores_keep_scope_role_and_whether_they_are_written(modern: Cloud, read: Read) -> None:
    report = Survey(read(modern)).report()
    assert {one.id: (one.zone_id, one.action, one.code) for one in report.stores} == {
        "st-1": ("zone-1", "add", ""),
        "st-2": ("zone-2", "add read-only", ""),
        "st-3": (None, "add", ""),
        "st-4": (None, "add", ""),
        "st-5": ("zone-1", "add read-only", ""),
        "st-6": (None, "skip", "provider"),
        "st-7": (None, "skip", "removed"),
        "st-8": (None, "skip", "zone_gone"),
    }


def test_sealed_secrets_of_both_ciphers_are_opened(modern: Cloud, read: Read) -> None:
    plans = read(modern).plans
    assert plans["image_store/3"].secrets == {"access_key": "ACCESS", "secret_key": SECRET}
    assert plans["image_store/4"].secrets["key"] == SECRET
    assert plans["image_store/2"].settings == {"url": "nfs://filer:2049/two?version=3"}
    assert SECRET not in repr(plans)


@pytest.mark.parametrize(
    ("key", "code"), [(DatabaseKey(), "sealed"), (DatabaseKey(secret="another"), "cipher")]
)
def test_without_the_key_a_store_says_what_it_needs(
    modern: Cloud, read: Read, key: DatabaseKey, code: str
) -> None:
    source = read(modern, key=key)
    assert source.plans["image_store/3"].code == code
    assert reasons(source)["t-202"] == "store_left_out"


def test_a_secret_may_be_given_instead(modern: Cloud, read: Read) -> None:
    source = read(modern, key=DatabaseKey(), secrets={"rgw": {"main": "given"}})
    assert source.plans["image_store/3"].secrets["secret_key"] == "given"
    assert source.plans["image_store/3"].code == ""


def test_an_operator_says_where_a_share_is_mounted(modern: Cloud, read: Read) -> None:
    source = read(modern, roots={"share": "/mnt/share"}, leave_out=frozenset({"st-1"}))
    assert source.plans["image_store/6"].provider == "directory"
    assert source.plans["image_store/1"].code == "left_out"
    assert places(taken(source)["t-212"]) == [("st-6", "template/tmpl/3/212/h.vhdx", None)]


def test_an_object_is_taken_from_every_image_store_that_has_it(modern: Cloud, read: Read) -> None:
    body = taken(read(modern))["t-201"]
    key = "template/tmpl/3/201/c.qcow2"
    assert places(body) == [("st-1", key, 4096), ("st-2", key, 4096)]
    assert body["zones"] == ["zone-1", "zone-2"]
    assert body["checksum"].startswith("sha256:e3b0")


def test_a_url_with_a_password_is_not_passed_on(modern: Cloud, read: Read) -> None:
    assert "url" not in taken(read(modern))["t-201"]["description"]["attributes"]


def test_what_is_told_beside_the_bytes_has_cloudstacks_names(modern: Cloud, read: Read) -> None:
    told = taken(read(modern))["t-201"]["description"]["attributes"]
    assert told["displaytext"] == "CentOS"
    assert (told["ostypeid"], told["ostypename"]) == ("os-centos", "CentOS 6.0 (64-bit)")
    assert told["details"] == {"rootDiskController": "virtio", "nicAdapter": "virtio"}
    assert told["sourcetemplateid"] == "t-202"


def test_what_only_a_cache_has_is_taken_from_there(modern: Cloud, read: Read) -> None:
    assert places(taken(read(modern))["t-203"]) == [("st-5", "template/tmpl/3/203/k.qcow2", None)]
    report = Survey(read(modern)).report()
    assert report.objects["template"].copies_left == {"cached": 1, "no_path": 1}
    assert any("staging" in warning for warning in report.warnings)


def test_an_object_without_uuid_gets_an_id_of_its_number(modern: Cloud, read: Read) -> None:
    assert places(taken(read(modern))["cloudstack-template-208"])[0][:2] == ("st-4", "T-208/x.vhd")


def test_what_is_not_taken_says_why(modern: Cloud, read: Read) -> None:
    assert reasons(read(modern)) == {
        "t-204": "direct_download",
        "t-205": "destroyed",
        "t-206": "not_uploaded",
        "t-207": "owner_unknown",
        "t-209": "format",
        "t-211": "store_unknown",
        "t-212": "store_left_out",
        "v-5": "on_pool",
        "s-32": "primary",
        "s-34": "not_backed_up",
    }


def test_snapshots_on_pools_are_not_taken_for_stores(modern: Cloud, read: Read) -> None:
    found = taken(read(modern))
    assert places(found["s-31"]) == [("st-3", "snapshots/3/5/snap-a", 8192)]
    assert found["s-33"]["parent_id"] == "s-31"
    assert "parent_id" not in found["s-31"]
    assert Survey(read(modern)).report().objects["snapshot"].notes == {"delta": 1}


def test_recorded_sizes_and_checksums_may_be_left_aside(modern: Cloud, read: Read) -> None:
    body = taken(read(modern, rules=Rules(sizes=False, checksums=False, tags=("old",))))["t-201"]
    assert places(body)[0][2] is None
    assert "checksum" not in body
    assert body["tags"] == ["old"]


def test_counts_add_up(modern: Cloud, read: Read) -> None:
    tally = Survey(read(modern)).report().objects["template"]
    assert (tally.found, tally.take, sum(tally.skip.values()), tally.removed) == (11, 4, 7, 1)
