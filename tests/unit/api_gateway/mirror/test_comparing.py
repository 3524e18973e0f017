"""What CloudStack has against what the catalogue has."""

from __future__ import annotations

from typing import Any

import pytest
from api_gateway.cloudstack.describing import Description
from api_gateway.mirror.comparing import Known, Scene, compare_image, digest_of
from api_gateway.mirror.facts import Image, ImageRow, Place, image_of, rows_of
from api_gateway.mirror.places import compare_places
from api_gateway.mirror.rules import Action, Rule, action_of
from api_gateway.mirror.signing import signed
from api_gateway.mirror.steps import Describe, Leave, Register, Rename, Spread
from pydantic import SecretStr
from stowage_contracts.errors import Unavailable

from tests.integration.mirror import scenery
from tests.integration.mirror.cloudstack import signature
from tests.unit.api_gateway.words import CREATED

ID = scenery.uuid(7)
Z1, Z2 = scenery.ZONES


def image(*zones: str, iso: bool = False, **more: Any) -> Image:
    rows = [scenery.template(ID, "t", zoneid=zone, **more) for zone in zones or (Z1,)]
    return image_of(rows_of(ImageRow, rows), iso=iso, account=lambda row: row.accountid or "")


def known(**more: Any) -> Known:
    zone = {"type": "zone", "id": Z1}
    state = {"id": ID, "kind": "template", "name": "t", "scope": zone, **more}
    told = image().description
    flags = (bool(told.public), bool(told.featured), bool(told.extractable))
    return Known(state, description=Description(*flags, told.attributes))


def test_a_new_template_is_registered_where_it_lives() -> None:
    outcome, steps = compare_image(image(Z1, Z2), Scene(zones={Z1, Z2}))
    register, spread = steps
    assert outcome.word == "registered"
    assert isinstance(register, Register)
    assert isinstance(spread, Spread)
    assert (register.body.zone_id, spread.zone_id) == (Z1, Z2)
    assert scenery.URL_CANARY not in repr(steps) + register.told


def test_a_template_of_all_zones_is_registered_region_wide() -> None:
    _outcome, (step,) = compare_image(image(Z1, Z2, crossZones=True), Scene())
    assert isinstance(step, Register)
    assert step.body.zone_id is None


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"isready": False}, "waiting"),
        ({"zoneid": "z9"}, "waiting"),
        ({"url": None}, "unfit"),
        ({"url": "ftp://x/y"}, "unfit"),
        ({"url": "s3://bucket/of/others"}, "unfit"),
        ({"url": ""}, "unfit"),
        ({"format": "TAR"}, "unfit"),
        ({"hypervisor": "LXC"}, "unfit"),
        ({"templatetype": "ROUTING"}, "unfit"),
    ],
)
def test_what_cannot_be_kept_says_why(more: dict[str, Any], word: str) -> None:
    row = {**scenery.template(ID, "t", zoneid=Z1), **more}
    found = image_of(rows_of(ImageRow, [row]), iso=False, account=lambda _row: "")
    outcome, steps = compare_image(found, Scene(zones={Z1}))
    assert (outcome.word, steps) == (word, ())
    assert outcome.why


def test_an_iso_needs_no_hypervisor() -> None:
    iso = image(iso=True, format="ISO", hypervisor="None")
    _outcome, (step,) = compare_image(iso, Scene(zones={Z1}))
    assert isinstance(step, Register)
    assert (step.body.format, step.body.hypervisor) == ("iso", "None")


def test_what_is_known_and_alike_is_left_alone() -> None:
    outcome, steps = compare_image(image(), Scene(known(), {Z1}))
    assert (outcome.word, steps) == ("known", ())


def test_a_new_name_and_a_new_zone_follow() -> None:
    scene = Scene(known(name="old"), {Z1, Z2})
    outcome, steps = compare_image(image(Z1, Z2), scene)
    assert outcome.word == "changed"
    assert [type(step) for step in steps] == [Rename, Spread]
    there = known(zones=[{"zone_id": Z2, "ready": False}])
    assert compare_image(image(Z1, Z2), Scene(there, {Z1, Z2}))[1] == ()


def test_what_is_told_of_it_follows() -> None:
    public = image(ispublic=True, displaytext="other words", ostypeid="os1")
    _outcome, (step,) = compare_image(public, Scene(known(account_id="a1"), {Z1}))
    assert isinstance(step, Describe)
    assert (step.account_id, step.change.public, step.change.featured) == ("a1", True, None)
    assert step.change.attributes == {"displaytext": "other words", "ostypeid": "os1"}
    assert step.told == "describe public, displaytext, ostypeid"


def test_a_zone_is_left_only_where_that_was_told() -> None:
    both = known(zones=[{"zone_id": Z1, "ready": True}, {"zone_id": Z2, "ready": True}])
    assert compare_image(image(Z1), Scene(both, {Z1, Z2}))[1] == ()
    (step,) = compare_image(image(Z1), Scene(both, {Z1, Z2}, deleted=True))[1]
    assert isinstance(step, Leave)
    assert step.zone_id == Z2
    rows = [scenery.template(ID, "t", zoneid=Z1), scenery.template(ID, "t", zoneid=Z2, removed="x")]
    told = image_of(rows_of(ImageRow, rows), iso=False, account=lambda _row: "")
    assert compare_image(told, Scene(both, {Z1, Z2}))[1] == (step,)


def test_a_template_removed_in_every_zone_is_deleted() -> None:
    gone = image(Z1, removed="2026-07-24T10:01:00+0000")
    outcome, (step,) = compare_image(gone, Scene(known(), {Z1}))
    assert (outcome.word, step.told) == ("deleted", "DeleteTemplate")
    assert compare_image(gone, Scene())[0].word == "gone"


@pytest.mark.parametrize(
    ("told", "digest"),
    [
        ("{SHA-256}" + scenery.SHA, f"sha256:{scenery.SHA}"),
        ("{MD5}" + "A" * 32, "md5:" + "a" * 32),
        ("b" * 32, "md5:" + "b" * 32),
        ("c" * 40, "sha1:" + "c" * 40),
        ("{SHA-256}" + "d" * 32, None),
        ("{WHIRLPOOL}" + "d" * 128, None),
        ("what", None),
        ("", None),
    ],
)
def test_checksums_are_cloudstacks_or_none(told: str, digest: str | None) -> None:
    assert digest_of(told) == digest


def test_places_come_in_order_and_wait_for_their_parents() -> None:
    told = {
        "zone": [Place(id="z1", name="z")],
        "pod": [Place(id="p1", name="p", zoneid="z1"), Place(id="p2", name="q", zoneid="z9")],
        "cluster": [
            Place(id="c1", name="c", podid="p1", hypervisor="vmware"),
            Place(id="c2", name="d", podid="p2", hypervisor="KVM"),
            Place(id="c3", name="e", podid="p1", hypervisor="Hyperv"),
        ],
        "host": [Place(id="h1", name="h", clusterid="c1", hypervisor="VMware")],
    }
    found = compare_places(told, {"zone": ["z1"]})
    assert [(each.row.id, each.outcome.word) for each in found] == [
        ("z1", "known"),
        ("p1", "added"),
        ("p2", "unfit"),
        ("c1", "added"),
        ("c2", "unfit"),
        ("c3", "unfit"),
        ("h1", "added"),
    ]


def test_the_first_rule_that_fits_decides() -> None:
    rules = [
        Rule(event="TEMPLATE.DELETE", action=Action.MIRROR),
        Rule(event="TEMPLATE.*", action=Action.PREFETCH),
        Rule(event="*", action=Action.IGNORE),
    ]
    kinds = ("TEMPLATE.DELETE", "TEMPLATE.CREATE", "VOLUME.STATE")
    assert [action_of(kind, rules) for kind in kinds] == ["mirror", "prefetch", "ignore"]
    assert action_of("VOLUME.STATE", []) is Action.MIRROR


@pytest.mark.parametrize("value", ["plain", "a b+c", "~tilde*star", "ä/ö?&=", "{x}[0]"])
def test_requests_are_signed_as_cloudstack_signs_them(value: str) -> None:
    form = signed({"command": "listZones", "Name": value, "name": "x"}, SecretStr("s"), CREATED)
    assert form["expires"] == "2026-01-01T00:10:00+0000"
    assert form["signature"] == signature(form, "s")


def test_an_answer_that_is_none_names_its_fields_only() -> None:
    with pytest.raises(Unavailable, match="id, size") as refused:
        rows_of(ImageRow, [{"id": "a b canary", "name": "x", "size": "canary"}])
    assert "canary" not in str(refused.value.problem)
