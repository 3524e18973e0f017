"""CloudStack's image stores as stores of Stowage."""

from typing import Any

import pytest
from stowage_client.importing.keys import DatabaseKey
from stowage_client.importing.stores import StorePlan, Wishes, check_names, plan_of
from stowage_contracts.errors import InvalidInput

from tests.unit.client.importing.cloud import store, world

S3 = {"accesskey": "A", "secretkey": "S", "endpoint": "s3.example", "bucket": "images"}
SWIFT = {"account": "cloud", "username": "stack", "key": "K"}


def plan(wishes: Wishes | None = None, **changes: Any) -> StorePlan:
    one = store(**changes)
    return plan_of(one, world(one), wishes or Wishes())


@pytest.mark.parametrize(
    ("url", "details", "settings"),
    [
        ("nfs://filer/a/", {}, "nfs://filer/a"),
        ("nfs://filer:2050/a", {}, "nfs://filer:2050/a"),
        ("nfs://[fd00::1]/a", {}, "nfs://[fd00::1]/a"),
        ("nfs://filer/a?vers=4.1", {}, "nfs://filer/a?version=4"),
        ("nfs://filer/a", {"nfsversion": "3"}, "nfs://filer/a?version=3"),
        ("NetworkFilesystem://filer/a", {}, "nfs://filer/a"),
    ],
)
def test_nfs_exports_are_named_as_our_driver_does(
    url: str, details: dict[str, str], settings: str
) -> None:
    assert plan(url=url, details=details).settings == {"url": settings}


@pytest.mark.parametrize(
    ("details", "settings"),
    [
        ({"usehttps": "false"}, {"endpoint": "http://s3.example"}),
        ({}, {"endpoint": "https://s3.example"}),
        ({"endpoint": "http://s3:7480/"}, {"endpoint": "http://s3:7480"}),
        (
            {"endpoint": "s3.eu-west-1.amazonaws.com"},
            {
                "endpoint": "https://s3.eu-west-1.amazonaws.com",
                "region": "eu-west-1",
                "addressing": "virtual",
            },
        ),
    ],
)
def test_s3_buckets_keep_their_door(details: dict[str, str], settings: dict[str, str]) -> None:
    made = plan(provider="S3", url="", zone=None, details=S3 | details)
    assert made.settings == {"bucket": "images", **settings}
    assert made.secrets == {"access_key": "A", "secret_key": "S"}
    assert (made.provider, made.zone_id) == ("S3", None)


def test_a_swift_account_is_one_store_of_many_containers() -> None:
    made = plan(provider="Swift", url="http://sw/auth/v1.0", details=SWIFT)
    assert made.settings["user"] == "cloud:stack"
    assert made.settings["others"] == r"[TSV]-\d+"
    assert made.secrets["key"] == "K"
    assert len(made.secrets["temp_url_key"]) == 40


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"removed": True}, "removed"),
        ({"zone": 2}, "zone_gone"),
        ({"zone": 9}, "zone_gone"),
        ({"provider": "SMB"}, "provider"),
        ({"url": "cifs://x/y"}, "url"),
        ({"url": ""}, "url"),
        ({"provider": "S3", "details": {}}, "bucket"),
        ({"provider": "S3", "details": {"bucket": "b"}}, "secret"),
        ({"provider": "S3", "details": S3, "sealed": True}, "sealed"),
        ({"provider": "Swift", "details": {}}, "url"),
    ],
)
def test_a_store_that_cannot_be_added_says_why(changes: dict[str, Any], code: str) -> None:
    made = plan(**changes)
    assert made.code == code
    assert made.cause


def test_an_operators_word_goes_before_the_record() -> None:
    wishes = Wishes(
        settings={"name 1": {"region": "r"}}, secrets={"id-1": {"main": "given", "access_key": "B"}}
    )
    made = plan(wishes, provider="S3", details=S3, sealed=True)
    assert made.settings["region"] == "r"
    assert made.secrets == {"access_key": "B", "secret_key": "given"}
    assert "given" not in repr(made)


def test_a_directory_takes_the_place_of_any_provider() -> None:
    made = plan(Wishes(roots={"name 1": "/mnt"}), provider="SMB", url="cifs://x/y")
    assert (made.provider, made.settings) == ("directory", {"root": "/mnt"})


@pytest.mark.parametrize("changes", [{"role": "ImageCache"}, {"read_only": True}])
def test_caches_and_what_is_read_only_there_are_read_only_here(changes: dict[str, Any]) -> None:
    assert plan(**changes).read_only
    assert not plan().read_only
    assert plan(Wishes(read_only=True)).read_only


def test_a_store_may_be_left_out() -> None:
    assert plan(Wishes(leave_out=frozenset({"name 1"}))).code == "left_out"


def test_names_that_are_no_stores_are_refused() -> None:
    check_names(Wishes(roots={"id-1": "/mnt"}), world())
    with pytest.raises(InvalidInput, match="'typo'"):
        check_names(Wishes(roots={"typo": "/mnt"}), world())


def test_clear_secrets_of_a_cloud_that_does_not_encrypt_are_taken() -> None:
    made = plan(Wishes(key=DatabaseKey(plain=True)), provider="S3", details=S3, sealed=True)
    assert made.secrets["secret_key"] == "S"
