"""Templates as CloudStack's clients see them: registered, listed, changed, deleted."""

from datetime import datetime
from typing import Any

import pytest
from api_gateway.cloudstack.spec import ANSWERS
from stowage_contracts.messages.image_store import (
    ChangeObject,
    DeleteTemplate,
    LeaveZone,
    RegisterTemplate,
)
from stowage_contracts.values import ObjectRef, Scope, Transfer

from tests.unit.api_gateway import words
from tests.unit.api_gateway.api import Api
from tests.unit.api_gateway.cloudstack.client import CloudStack
from tests.unit.api_gateway.cloudstack.images import (
    FAILED,
    NEW,
    Bench,
    cloud,
    in_zones,
    owner_says,
    registered,
    replica,
)

TOLD = {
    "name": "debian",
    "displaytext": "Debian 12",
    "format": "QCOW2",
    "hypervisor": "KVM",
    "zoneid": "z1",
    "zonename": "zone 1",
    "isready": False,
    "ispublic": True,
    "isfeatured": False,
    "isextractable": True,
    "passwordenabled": True,
    "crossZones": False,
    "checksum": "{SHA-256}" + "a" * 64,
    "ostypeid": "os-1",
    "account": "admin",
    "templatetype": "USER",
    "details": {"rootDiskController": "virtio"},
    "status": "Processing",
    "arch": "x86_64",
    "bits": 64,
    "requireshvm": True,
    "bootable": True,
    "directdownload": False,
}
"""What a template is told to be as soon as it is registered."""
TYPES = {"String": str, "boolean": bool, "int": int, "long": int, "ImageFormat": str, "Date": str}


@pytest.fixture(autouse=True)
async def _cloud(bench: Bench) -> None:
    await cloud(bench)


async def rows(cs: CloudStack, templatefilter: str = "all", **params: Any) -> list[dict[str, Any]]:
    return await cs.rows("listTemplates", "template", templatefilter=templatefilter, **params)


async def ids(cs: CloudStack, templatefilter: str, **params: Any) -> set[str]:
    return {row["id"] for row in await rows(cs, templatefilter, **params)}


async def test_what_is_registered_is_told_at_once_and_ordered(cs: CloudStack, bench: Bench) -> None:
    reply = await cs.post(
        "registerTemplate",
        **NEW,
        checksum="{SHA-256}" + "A" * 64,
        ispublic=True,
        isextractable=True,
        details__0__rootDiskController="virtio",
        passwordenabled=True,
    )
    assert (reply.status, reply.envelope) == (200, "registertemplateresponse")
    assert reply.body["count"] == 1
    (row,) = reply.body["template"]
    assert TOLD.items() <= row.items()
    (said,) = await bench.said(RegisterTemplate)
    assert isinstance(said, RegisterTemplate)
    assert (said.template_id, said.checksum) == (row["id"], "sha256:" + "a" * 64)
    assert said.scope == Scope.zone("z1")
    assert "images.example" not in said.model_dump_json()


async def test_every_field_has_the_type_clients_decode(cs: CloudStack, bench: Bench) -> None:
    key = await registered(cs, templatetag="gold", sshkeyenabled=True)
    await owner_says(bench, key, checksum="md5:" + "0" * 32)
    (row,) = await rows(cs, id=key)
    for name, value in row.items():
        wire = ANSWERS["TemplateResponse"][name]
        assert isinstance(value, TYPES.get(wire, dict | list)), name
    assert datetime.strptime(row["created"], "%Y-%m-%dT%H:%M:%S%z").year >= 2026
    assert (row["size"], row["physicalsize"], row["checksum"]) == (1000, 100, "0" * 32)
    assert (row["isready"], row["status"]) == (True, "Download Complete")
    assert row["downloaddetails"] == [
        {"datastore": "s1", "downloadState": "DOWNLOADED", "downloadPercent": "100"}
    ]


async def test_status_tells_how_far_it_is(cs: CloudStack, bench: Bench) -> None:
    key = await registered(cs)
    coming = [replica(state="Creating", copy_id="c1")]
    fields: dict[str, Any] = {"ready": False, "zones": in_zones(z1=False), "replicas": coming}
    await owner_says(bench, key, **fields)
    table = [(0, "0% Downloaded"), (42, "42% Downloaded"), (100, "Installing Template")]
    for sequence, (done, status) in enumerate(table, 1):
        figures = Transfer(bytes_done=done, bytes_total=100)
        await bench.handle(words.planned("c1", transfer=figures), sequence=sequence)
        (row,) = await rows(cs, id=key)
        assert (row["isready"], row["status"]) == (False, status)
        (detail,) = row["downloaddetails"]
        assert detail == {
            "datastore": "s1",
            "downloadState": "DOWNLOAD_IN_PROGRESS",
            "downloadPercent": str(done),
        }
    failed = [replica(state="Failed", error=FAILED)]
    await owner_says(bench, key, 2, **{**fields, "replicas": failed, "error": FAILED})
    (row,) = await rows(cs, id=key)
    assert row["status"] == "the source answered 404"
    assert row["downloaddetails"][0]["downloadState"] == "DOWNLOAD_ERROR"


async def test_each_zone_has_a_row_of_its_own(cs: CloudStack, bench: Bench) -> None:
    fields: dict[str, Any] = {
        "zones": in_zones(z1=True, z2=False),
        "replicas": [replica(), replica("s2", "Creating", copy_id="c1")],
    }
    await owner_says(bench, "t1", **fields)
    one, two = await rows(cs)
    assert (one["zoneid"], one["isready"], one["status"]) == ("z1", True, "Download Complete")
    assert (two["zoneid"], two["isready"], two["status"]) == ("z2", False, "0% Downloaded")
    assert [row["downloaddetails"][0]["datastore"] for row in (one, two)] == ["s1", "s2"]
    assert [row["zoneid"] for row in await rows(cs, zoneid="z2")] == ["z2"]
    assert [row["zoneid"] for row in await rows(cs, isready=True)] == ["z1"]
    assert await rows(cs, isready=True, zoneid="z2") == []
    (unique,) = await rows(cs, showunique=True)
    assert ("zoneid" in unique, unique["isready"]) == (False, True)
    pages = [
        (await cs.call("listTemplates", templatefilter="all", page=n, pagesize=1)).body
        for n in (1, 2, 3)
    ]
    assert [[r["zoneid"] for r in page.get("template", [])] for page in pages] == [
        ["z1"],
        ["z2"],
        [],
    ]
    assert [page["count"] for page in pages] == [2, 2, 2]


async def test_lists_are_narrowed(cs: CloudStack, bench: Bench) -> None:
    await owner_says(bench, "t1")
    await owner_says(bench, "t2", name="ubuntu 24", hypervisor="XenServer")
    await owner_says(
        bench,
        "t3",
        name="50%_off",
        zones=in_zones(z2=False),
        ready=False,
        scope=Scope.zone("z2"),
        replicas=[],
    )
    await owner_says(bench, "gone", removed=True, zones=[], ready=False)
    await bench.handle(words.template("an-iso", kind="iso", format="iso"), sequence=1)
    table: list[tuple[dict[str, Any], set[str]]] = [
        ({}, {"t1", "t2", "t3"}),
        ({"name": "debian"}, {"t1"}),
        ({"keyword": "BUN"}, {"t2"}),
        ({"keyword": "0%_o"}, {"t3"}),
        ({"keyword": "%"}, {"t3"}),
        ({"hypervisor": "XenServer"}, {"t2"}),
        ({"zoneid": "z2"}, {"t3"}),
        ({"isready": False}, {"t3"}),
        ({"ids": "t1,t2,t9"}, {"t1", "t2"}),
        ({"id": "t2"}, {"t2"}),
        ({"imagestoreid": "s1"}, {"t1", "t2"}),
        ({"templatetype": "SYSTEM"}, set()),
        ({"parenttemplateid": "t1"}, set()),
        ({"showremoved": True, "name": "debian", "showunique": True}, {"t1", "gone"}),
    ]
    for asked, wanted in table:
        assert await ids(cs, "all", **asked) == wanted, asked
    for wrong in ({"id": "t9"}, {"id": "an-iso"}, {"zoneid": "z9"}, {"hypervisor": "Bhyve"}):
        reply = await cs.call("listTemplates", templatefilter="all", **wrong)
        assert reply.error[0] == 431, wrong
    assert (await cs.call("listTemplates")).error[0] == 431
    assert (await cs.call("listTemplates", templatefilter="odd")).error[0] == 431


async def test_filters_tell_whose(cs: CloudStack, user: CloudStack, api: Api, bench: Bench) -> None:
    account = (await user.rows("listAccounts", "account"))[0]["id"]
    for key in ("own", "shared", "public", "featured", "hidden"):
        await owner_says(bench, key, account_id=account if key == "own" else "admin")
    for key in ("public", "featured"):
        featured = key == "featured"
        params = {"id": key, "ispublic": True, "isfeatured": featured}
        assert (await cs.call("updateTemplatePermissions", **params)).body == {"success": True}
    shared = await cs.call("updateTemplatePermissions", id="shared", op="add", accounts="tenant")
    assert shared.body == {"success": True}
    table = {
        "self": {"own"},
        "selfexecutable": {"own"},
        "shared": {"shared"},
        "sharedexecutable": {"shared"},
        "featured": {"featured"},
        "community": {"public"},
        "executable": {"own", "public", "featured"},
    }
    for name, wanted in table.items():
        assert await ids(user, name) == wanted, name
        reply = await user.call("listTemplates", templatefilter=name)
        assert reply.body["count"] == len(wanted), name
    assert (await user.call("listTemplates", templatefilter="all")).error[0] == 431
    assert await ids(user, "self", ids="own,shared,public,hidden") == {"own", "shared", "public"}
    assert (await user.call("listTemplates", templatefilter="self", id="hidden")).error[0] == 431
    assert await ids(cs, "self") == {"shared", "public", "featured", "hidden"}
    assert await ids(cs, "all") == {"own", "shared", "public", "featured", "hidden"}
    assert await ids(cs, "self", account="tenant", domainid="root") == {"own"}


async def test_others_templates_are_not_changed(cs: CloudStack, user: CloudStack) -> None:
    key = await registered(cs, ispublic=True)
    hidden = await registered(cs)
    table: list[tuple[str, dict[str, Any]]] = [
        ("updateTemplate", {"displaytext": "mine"}),
        ("deleteTemplate", {}),
        ("copyTemplate", {"destzoneid": "z2"}),
        ("updateTemplatePermissions", {"ispublic": False}),
        ("listTemplatePermissions", {}),
    ]
    for command, params in table:
        assert (await user.call(command, id=key, **params)).error[0] == 531, command
        assert (await user.call(command, id=hidden, **params)).error[0] == 431, command


async def test_what_is_said_of_one_is_changed(cs: CloudStack, bench: Bench) -> None:
    key = await registered(cs, details__0__a="1")
    reply = await cs.call(
        "updateTemplate", id=key, name="new", displaytext="New", ostypeid="os-2", requireshvm=False
    )
    row = reply.body["template"]
    assert (row["name"], row["displaytext"], row["ostypeid"]) == ("new", "New", "os-2")
    assert (row["requireshvm"], row["details"]) == (False, {"a": "1"})
    assert "zoneid" not in row
    (said,) = await bench.said(ChangeObject)
    what = ObjectRef(kind="template", id=key)
    assert said == ChangeObject(object=what, name="new")
    cleaned = await cs.call("updateTemplate", id=key, cleanupdetails=True)
    assert cleaned.body["template"]["details"] == {}
    assert (await cs.call("updateTemplate", id=key, format="RAW")).error[0] == 431
    assert (await cs.call("updateTemplate", id=key, format="QCOW2")).status == 200


async def test_one_is_deleted_when_its_owner_says_so(cs: CloudStack, bench: Bench) -> None:
    await owner_says(bench, "t1")
    reply = await cs.call("deleteTemplate", id="t1", zoneid="z1")
    assert await bench.said(DeleteTemplate) == [DeleteTemplate(template_id="t1")]
    assert (await cs.job(reply.body["jobid"]))["jobstatus"] == 0
    (row,) = await rows(cs, id="t1")
    assert (row["jobid"], row["jobstatus"]) == (reply.body["jobid"], 0)
    await owner_says(bench, "t1", 2, removed=True, ready=False, zones=[], replicas=[])
    job = await cs.job(reply.body["jobid"])
    assert (job["jobstatus"], job["jobresult"]) == (1, {"success": True})
    assert (await cs.call("deleteTemplate", id="t1")).error[0] == 431


async def test_one_leaves_a_zone(cs: CloudStack, bench: Bench) -> None:
    both: dict[str, Any] = {"zones": in_zones(z1=True, z2=True)}
    await owner_says(bench, "t1", **both)
    first = (await cs.call("deleteTemplate", id="t1", zoneid="z1")).body["jobid"]
    what = ObjectRef(kind="template", id="t1")
    assert await bench.said(LeaveZone) == [LeaveZone(object=what, zone_id="z1")]
    await owner_says(bench, "t1", 2, **both, error=FAILED)
    job = await cs.job(first)
    assert (job["jobstatus"], job["jobresult"]["errortext"]) == (2, "the source answered 404")
    again = (await cs.call("deleteTemplate", id="t1", zoneid="z1")).body["jobid"]
    assert (await cs.job(again))["jobstatus"] == 0
    await owner_says(bench, "t1", 3, zones=in_zones(z2=True))
    assert (await cs.job(again))["jobstatus"] == 1
    assert (await cs.call("deleteTemplate", id="t1", zoneid="z1")).error[0] == 431
    await owner_says(bench, "wide", scope=Scope.region(), zones=in_zones(z1=True, z2=True))
    assert (await cs.call("deleteTemplate", id="wide", zoneid="z1")).error[0] == 431
