"""What may be registered, where, and what is refused."""

from typing import Any

import pytest
from stowage_contracts.messages.image_store import CopyToZone, RegisterTemplate
from stowage_contracts.values import ObjectRef, Scope

from tests.unit.api_gateway import words
from tests.unit.api_gateway.cloudstack.client import CloudStack
from tests.unit.api_gateway.cloudstack.images import NEW, Bench, cloud, registered


@pytest.fixture(autouse=True)
async def _cloud(bench: Bench) -> None:
    await cloud(bench)


@pytest.mark.parametrize(
    "spelling",
    [
        {"zoneid": "-1"},
        {"zoneid": "", "zoneids": "-1"},
        {"zoneid": "", "crosszones": True},
        {"scope": "regionWide"},
    ],
)
async def test_all_zones_are_said_in_every_spelling(
    cs: CloudStack, bench: Bench, spelling: dict[str, Any]
) -> None:
    reply = await cs.call("registerTemplate", **{**NEW, **spelling})
    assert [row["zoneid"] for row in reply.body["template"]] == ["z1", "z2"]
    assert all(row["crossZones"] for row in reply.body["template"])
    (said,) = await bench.said(RegisterTemplate)
    assert isinstance(said, RegisterTemplate)
    assert said.scope == Scope.region()


async def test_several_zones_get_it_from_the_first(cs: CloudStack, bench: Bench) -> None:
    reply = await cs.call("registerTemplate", **{**NEW, "zoneid": "", "zoneids": "z2,z1"})
    assert [row["zoneid"] for row in reply.body["template"]] == ["z2", "z1"]
    (said,) = await bench.said(RegisterTemplate)
    assert isinstance(said, RegisterTemplate)
    assert said.scope == Scope.zone("z2")
    what = ObjectRef(kind="template", id=said.template_id)
    assert await bench.said(CopyToZone) == [CopyToZone(object=what, zone_id="z1")]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"zoneid": ""}, 431),
        ({"zoneids": "z1"}, 431),
        ({"zoneid": "", "zoneids": "-1,z1"}, 431),
        ({"zoneid": "z9"}, 431),
        ({"zoneid": "z3"}, 431),
        ({"scope": "pod"}, 431),
        ({"scope": "perZone", "zoneid": "-1"}, 431),
        ({"ostypeid": ""}, 431),
        ({"format": "TAR"}, 431),
        ({"format": "ISO", "url": "https://images.example/d.iso"}, 431),
        ({"hypervisor": "VirtualBox"}, 431),
        ({"url": "file:///etc/passwd"}, 431),
        ({"url": "ftp://images.example/d.qcow2"}, 431),
        ({"url": "https://images.example/d.vhd"}, 431),
        ({"url": "https://127.0.0.1/d.qcow2"}, 431),
        ({"url": "https://localhost/d.qcow2"}, 431),
        ({"url": "https://[::1]/d.qcow2"}, 431),
        ({"url": "https://169.254.169.254/d.qcow2"}, 431),
        ({"url": "https:///d.qcow2"}, 431),
        ({"checksum": "abc"}, 431),
        ({"checksum": "{MD5}" + "0" * 40}, 431),
        ({"directdownload": True}, 432),
        ({"directdownload": True, "hypervisor": "VMware"}, 431),
        ({"bits": 48}, 431),
        ({"arch": "pdp11"}, 431),
        ({"templatetype": "none"}, 431),
        ({"account": "nobody"}, 431),
        ({"name": "n" * 256}, 431),
    ],
)
async def test_what_cannot_be_registered_is_refused(
    cs: CloudStack, bench: Bench, wrong: dict[str, Any], code: int
) -> None:
    await bench.handle(words.zone("z3", "no store"), sequence=1)
    reply = await cs.call("registerTemplate", **{**NEW, **wrong})
    assert (reply.envelope, reply.error[0]) == ("registertemplateresponse", code), reply
    assert await bench.said() == []


async def test_users_may_say_less(user: CloudStack, bench: Bench) -> None:
    table: list[tuple[dict[str, Any], int]] = [
        ({"zoneid": "-1"}, 431),
        ({"templatetag": "gold"}, 531),
        ({"isrouting": True}, 531),
        ({"isfeatured": True}, 431),
        ({"templatetype": "SYSTEM"}, 431),
    ]
    for wrong, code in table:
        reply = await user.call("registerTemplate", **{**NEW, **wrong})
        assert reply.error[0] == code, (wrong, reply)
    await bench.handle(words.store("wide"), sequence=1)
    assert (await user.call("registerTemplate", **{**NEW, "zoneid": "-1"})).status == 200


@pytest.mark.parametrize(
    ("digits", "algorithm"),
    [(32, "md5"), (40, "sha1"), (56, "sha224"), (64, "sha256"), (96, "sha384"), (128, "sha512")],
)
async def test_the_length_of_a_checksum_decides(
    cs: CloudStack, bench: Bench, digits: int, algorithm: str
) -> None:
    await registered(cs, checksum="0" * digits)
    (said,) = await bench.said(RegisterTemplate)
    assert isinstance(said, RegisterTemplate)
    assert said.checksum == f"{algorithm}:{'0' * digits}"


async def test_admins_register_for_others(cs: CloudStack, user: CloudStack, bench: Bench) -> None:
    reply = await cs.call("registerTemplate", **NEW, account="tenant", domainid="root")
    (row,) = reply.body["template"]
    assert (row["account"], row["domain"]) == ("tenant", "ROOT")
    (listed,) = await user.rows("listTemplates", "template", templatefilter="self")
    assert listed["id"] == row["id"]
    refused = await user.call("registerTemplate", **NEW, account="admin", domainid="root")
    assert refused.error[0] == 531


async def test_more_than_an_account_may_have_is_refused(cs: CloudStack, user: CloudStack) -> None:
    bound = {"account": "tenant", "domainid": "root", "resourcetype": 4, "max": 1}
    assert (await cs.call("updateResourceLimit", **bound)).status == 200
    assert (await user.call("registerTemplate", **NEW)).status == 200
    refused = await user.call("registerTemplate", **NEW)
    assert (refused.error[0], refused.body["cserrorcode"]) == (535, 4370)
