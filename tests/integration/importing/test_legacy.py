"""A CloudStack 4.1: hosts, s3 and swift become stores, and nothing its own upgrade lost is lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stowage_client.importing.source import NOUNS, Source
from stowage_client.importing.survey import Survey

from tests.integration.importing.clouds import Cloud
from tests.integration.importing.conftest import Read


def taken(source: Source) -> dict[str, Mapping[str, Any]]:
    """What is asked for, by id."""
    pages = [page for noun in NOUNS for page in source.choices(noun)]
    return {one.thing.id: one.body for page in pages for one in page if one.body is not None}


def reasons(source: Source) -> dict[str, str]:
    """Why others are not."""
    pages = [page for noun in NOUNS for page in source.choices(noun)]
    return {one.thing.id: one.code for page in pages for one in page if one.body is None}


def places(body: Mapping[str, Any]) -> list[tuple[str, str, int | None]]:
    return [(one["store_id"], one["key"], one.get("size")) for one in body["places"]]


def test_an_nfs_host_is_an_image_store_of_its_zone(legacy: Cloud, read: Read) -> None:
    report = Survey(read(legacy)).report()
    assert (report.version, report.schema_read) == ("4.1.1", "4.1")
    stores = {one.id: (one.provider, one.role, one.zone_id, one.action) for one in report.stores}
    assert stores == {
        "st-nfs": ("NFS", "Image", "zone-1", "add"),
        "st-gone": ("NFS", "Image", None, "skip"),
    }
    plan = read(legacy).plans["host/10"]
    assert plan.settings == {"url": "nfs://filer/secondary"}


def test_a_template_is_taken_with_its_facts(legacy: Cloud, read: Read) -> None:
    body = taken(read(legacy))["t-201"]
    assert places(body) == [("st-nfs", "template/tmpl/3/201/c.qcow2", 4096)]
    assert body["created"] == "2013-02-03T04:05:06+00:00"
    assert body["checksum"] == "md5:0123456789abcdef0123456789abcdef"
    assert (body["account_id"], body["format"], body["hypervisor"]) == ("a-acme", "qcow2", "KVM")
    assert body["zones"] == ["zone-1"]
    told = body["description"]
    assert (told["public"], told["featured"], told["shared_with"]) == (True, True, ["a-admin"])
    assert told["attributes"]["ostypeid"] == "os-centos"
    assert told["attributes"]["domain"] == "/lab/"


def test_what_was_unpacked_is_not_held_to_the_checksum_of_its_source(
    legacy: Cloud, read: Read
) -> None:
    assert "checksum" not in taken(read(legacy))["t-206"]


def test_an_iso_of_all_zones_is_region_wide(legacy: Cloud, read: Read) -> None:
    body = taken(read(legacy))["t-203"]
    assert (body["kind"], body["zones"], body["hypervisor"]) == ("iso", [], "None")


def test_what_is_not_taken_says_why(legacy: Cloud, read: Read) -> None:
    assert reasons(read(legacy)) == {
        "t-202": "download_error",
        "t-204": "destroyed",
        "t-207": "store_gone",
        "v-5": "on_pool",
        "s-33": "not_backed_up",
    }


def test_an_uploaded_volume_keeps_its_format(legacy: Cloud, read: Read) -> None:
    body = taken(read(legacy))["v-6"]
    assert (body["format"], places(body)) == ("vhd", [("st-nfs", "volumes/3/6/u.vhd", 8192)])


def test_snapshots_lie_where_each_hypervisor_put_them(legacy: Cloud, read: Read) -> None:
    found = taken(read(legacy))
    assert places(found["s-31"]) == [("st-nfs", "snapshots/3/5/snap-a", None)]
    assert places(found["s-32"]) == [("st-nfs", "snapshots/3/5/vhd-b", None)]
    assert (found["s-31"]["format"], found["s-32"]["format"]) == ("qcow2", "vhd")
    assert (found["s-32"]["parent_id"], found["s-32"]["volume_id"]) == ("s-31", "v-5")


def test_object_stores_take_over_and_nfs_is_their_cache(legacy_objects: Cloud, read: Read) -> None:
    source = read(legacy_objects)
    report = Survey(source).report()
    actions = {one.id: (one.role, one.action, one.objects) for one in report.stores}
    assert actions["st-s3"] == ("Image", "add", 2)
    assert actions["st-swift"] == ("Image", "add", 2)
    assert actions["st-nfs"] == ("ImageCache", "add read-only", 2)
    s3, swift = source.plans["s3/1"], source.plans["swift/1"]
    assert s3.settings == {"endpoint": "http://s3.example:7480", "bucket": "images"}
    assert s3.secrets == {"access_key": "ACCESS", "secret_key": "canary-secret-of-s3"}
    assert swift.settings["user"] == "cloud:stack"
    assert swift.secrets["key"] == "canary-key-of-swift"


def test_templates_on_object_stores_are_not_lost(legacy_objects: Cloud, read: Read) -> None:
    found = taken(read(legacy_objects))
    assert places(found["t-201"]) == [("st-s3", "template/tmpl/3/201", 4096)]
    assert places(found["t-206"]) == [("st-swift", "T-206/p.vhd", 4096)]
    assert places(found["t-203"])[0][0] == "st-nfs"


def test_kvm_snapshots_on_object_stores_are_kept(legacy_objects: Cloud, read: Read) -> None:
    found = taken(read(legacy_objects))
    assert places(found["s-31"]) == [("st-s3", "snapshots/3/5/snap-a", None)]
    assert places(found["s-32"]) == [("st-swift", "S-5/vhd-b", None)]


def test_accounts_bring_their_domains(legacy: Cloud, read: Read) -> None:
    accounts = read(legacy).world.accounts
    assert accounts[3].lineage == (("d-lab", "lab"),)
    assert accounts[2].lineage == ()


def test_pools_are_told_with_their_volumes(legacy: Cloud, read: Read) -> None:
    pools = Survey(read(legacy)).report().pools
    assert [(one.id, one.scope, one.place, one.volumes) for one in pools] == [
        ("pool-1", "CLUSTER", "filer:/primary", 1),
        ("pool-2", "HOST", "h1:/var/lib", 0),
    ]
