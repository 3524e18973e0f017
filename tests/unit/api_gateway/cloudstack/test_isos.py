"""ISOs, and the commands that templates and ISOs share."""

from typing import Any

import pytest
from api_gateway.cloudstack.spec import ANSWERS
from stowage_contracts.messages.image_store import (
    CopyToZone,
    DeleteTemplate,
    PrefetchObject,
    RegisterTemplate,
    RequestCopy,
)
from stowage_contracts.values import ObjectRef, Scope

from tests.unit.api_gateway import words
from tests.unit.api_gateway.cloudstack.client import CloudStack, Reply
from tests.unit.api_gateway.cloudstack.images import (
    FAILED,
    NEW_ISO,
    Bench,
    cloud,
    in_zones,
    owner_says,
    registered,
    replica,
)


@pytest.fixture(autouse=True)
async def _cloud(bench: Bench) -> None:
    await cloud(bench)


def fits(answer: str, row: dict[str, Any]) -> None:
    assert set(row) <= set(ANSWERS[answer])


async def test_an_iso_is_registered_and_listed_apart(cs: CloudStack, bench: Bench) -> None:
    reply = await cs.call("registerIso", **NEW_ISO, ispublic=True)
    assert (reply.status, reply.envelope) == (200, "registerisoresponse")
    (row,) = reply.body["iso"]
    assert (row["format"], row["bootable"], row["status"]) == ("ISO", True, "Processing")
    assert "hypervisor" not in row
    fits("TemplateResponse", row)
    (said,) = await bench.said(RegisterTemplate)
    assert isinstance(said, RegisterTemplate)
    assert said.object == ObjectRef(kind="iso", id=row["id"])
    await owner_says(bench, row["id"], name="installer", kind="iso", format="iso")
    (listed,) = await cs.rows("listIsos", "iso")
    assert (listed["isready"], listed["status"]) == (True, "Successfully Installed")
    assert await cs.rows("listTemplates", "template", templatefilter="all") == []
    for asked, count in [
        ({"bootable": False}, 0),
        ({"bootable": True}, 1),
        ({"ispublic": True}, 1),
    ]:
        assert len(await cs.rows("listIsos", "iso", isofilter="all", **asked)) == count, asked
    assert (await cs.call("deleteTemplate", id=row["id"])).error[0] == 431
    renamed = await cs.call("updateIso", id=row["id"], displaytext="Installer")
    assert renamed.body["iso"]["displaytext"] == "Installer"
    assert "jobid" in (await cs.call("deleteIso", id=row["id"], zoneid="z1")).body
    assert await bench.said(DeleteTemplate) == [DeleteTemplate(template_id=row["id"])]


async def test_an_iso_says_its_os_when_it_boots(cs: CloudStack) -> None:
    bare = {**NEW_ISO, "ostypeid": ""}
    assert (await cs.call("registerIso", **bare)).error[0] == 431
    assert (await cs.call("registerIso", **bare, bootable=False)).status == 200


async def test_no_instance_has_an_iso_attached(cs: CloudStack, bench: Bench) -> None:
    for command in ("attachIso", "detachIso"):
        reply = await cs.call(command, id="i1", virtualmachineid="vm1")
        assert reply.error[0] == 432
        assert "not supported" in reply.error[1]


async def test_permissions_are_given_taken_and_told(
    cs: CloudStack, user: CloudStack, bench: Bench
) -> None:
    await owner_says(bench, "t1")

    async def told() -> dict[str, Any]:
        reply = await cs.call("listTemplatePermissions", id="t1")
        found: dict[str, Any] = reply.body["templatepermission"]
        fits("TemplatePermissionsResponse", found)
        return found

    async def change(**params: Any) -> Reply:
        return await cs.call("updateTemplatePermissions", id="t1", **params)

    assert await told() == {"id": "t1", "ispublic": False, "domainid": "root"}
    assert (await change(op="add", accounts="tenant")).status == 200
    assert (await told())["account"] == ["tenant"]
    assert (await change(ispublic=True)).body == {"success": True}
    assert (await told())["ispublic"] is True
    assert (await change(op="remove", accounts="tenant")).status == 200
    assert "account" not in await told()
    await change(op="add", accounts="tenant")
    await change(op="reset")
    assert await told() == {"id": "t1", "ispublic": False, "domainid": "root"}
    for wrong in (
        {"op": "add"},
        {"op": "grant", "accounts": "tenant"},
        {"accounts": "tenant"},
        {"op": "add", "accounts": "nobody"},
        {"op": "add", "accounts": "admin"},
        {"op": "add", "projectids": "p1"},
    ):
        assert (await change(**wrong)).error[0] == 431, wrong


async def test_users_feature_nothing(user: CloudStack) -> None:
    key = await registered(user)
    featured = await user.call("updateTemplatePermissions", id=key, isfeatured=True)
    assert featured.error[0] == 431
    assert (await user.call("updateTemplatePermissions", id=key, ispublic=True)).status == 200


async def test_a_copy_is_done_when_it_is_there(cs: CloudStack, bench: Bench) -> None:
    await owner_says(bench, "t1")
    reply = await cs.call("copyTemplate", id="t1", sourcezoneid="z1", destzoneid="z2")
    what = ObjectRef(kind="template", id="t1")
    assert await bench.said(CopyToZone) == [CopyToZone(object=what, zone_id="z2")]
    assert (await cs.job(reply.body["jobid"]))["jobstatus"] == 0
    coming = {"zones": in_zones(z1=True, z2=False)}
    moving = [replica(), replica("s2", "Creating", copy_id="c1")]
    await owner_says(bench, "t1", 2, **coming, replicas=moving, error=FAILED)
    assert (await cs.job(reply.body["jobid"]))["jobstatus"] == 0
    await owner_says(bench, "t1", 3, zones=in_zones(z1=True, z2=True))
    job = await cs.job(reply.body["jobid"])
    assert (job["jobstatus"], job["jobresulttype"]) == (1, "object")
    assert job["jobresult"]["template"]["id"] == "t1"
    fits("TemplateResponse", job["jobresult"]["template"])


async def test_a_copy_that_failed_is_a_failed_job(cs: CloudStack, bench: Bench) -> None:
    await owner_says(bench, "t1", kind="iso", format="iso")
    reply = await cs.call("copyIso", id="t1", destzoneids="z2")
    failed = [replica(), replica("s2", "Failed", error=FAILED)]
    fields = {"zones": in_zones(z1=True, z2=False), "replicas": failed, "error": FAILED}
    await owner_says(bench, "t1", 2, kind="iso", format="iso", **fields)
    job = await cs.job(reply.body["jobid"])
    assert (job["jobstatus"], job["jobresultcode"]) == (2, 530)
    assert job["jobresult"] == {"errorcode": 530, "errortext": "the source answered 404"}


async def test_what_is_everywhere_is_copied_at_once(cs: CloudStack, bench: Bench) -> None:
    both = in_zones(z1=True, z2=True)
    await owner_says(bench, "t1", scope=Scope.region(), zones=both)
    reply = await cs.call("copyTemplate", id="t1", destzoneid="z2")
    assert (await cs.job(reply.body["jobid"]))["jobstatus"] == 1
    assert await bench.said(CopyToZone) == []


async def test_copies_that_make_no_sense_are_refused(cs: CloudStack, bench: Bench) -> None:
    await bench.handle(words.zone("z3", "no store"), sequence=1)
    await owner_says(bench, "t1")
    await owner_says(bench, "away", ready=False, zones=in_zones(z1=False))
    table: list[tuple[dict[str, Any], int]] = [
        ({}, 431),
        ({"destzoneid": "z1", "sourcezoneid": "z1"}, 431),
        ({"destzoneid": "z9"}, 431),
        ({"destzoneid": "z1", "sourcezoneid": "z2"}, 431),
        ({"destzoneid": "z2", "id": "away"}, 431),
        ({"destzoneid": "z3"}, 534),
    ]
    for wrong, code in table:
        reply = await cs.call("copyTemplate", **{"id": "t1", **wrong})
        assert reply.error[0] == code, wrong


async def test_a_link_is_made_when_its_job_is_asked_for(
    cs: CloudStack, user: CloudStack, bench: Bench
) -> None:
    bench.bus.replies.update(words.ANSWERS)
    key = await registered(cs, ispublic=True)
    early = await cs.call("extractTemplate", id=key, mode="HTTP_DOWNLOAD")
    assert early.error[0] == 431
    await owner_says(bench, key)
    assert (await user.call("extractTemplate", id=key, mode="HTTP_DOWNLOAD")).error[0] == 431
    await cs.call("updateTemplatePermissions", id=key, isextractable=True)
    for caller in (cs, user):
        reply = await caller.call("extractTemplate", id=key, mode="HTTP_DOWNLOAD", zoneid="z1")
        job = await caller.job(reply.body["jobid"])
        told = job["jobresult"]["template"]
        fits("ExtractResponse", told)
        assert (told["url"], told["state"]) == (words.PRESIGNED, "DOWNLOAD_URL_CREATED")
        assert (told["extractMode"], told["id"]) == ("HTTP_DOWNLOAD", key)
    table: list[tuple[dict[str, Any], int]] = [
        ({"mode": "FTP_UPLOAD", "url": "ftp://there"}, 431),
        ({"mode": "POST"}, 431),
        ({"zoneid": "z2"}, 431),
        ({"zoneid": "z9"}, 431),
        ({"id": "t9"}, 431),
    ]
    for wrong, code in table:
        asked = {"id": key, "mode": "HTTP_DOWNLOAD", **wrong}
        assert (await cs.call("extractTemplate", **asked)).error[0] == code, wrong


async def test_a_template_is_brought_to_pools_and_caches(cs: CloudStack, bench: Bench) -> None:
    await owner_says(bench, "t1")
    asked: dict[str, Any] = {"templateid": "t1", "zoneid": "z1"}
    assert (await cs.call("prepareTemplate", **asked)).error[0] == 534
    for key, role in (("p1", "Primary"), ("p2", "Primary"), ("cache", "ImageCache")):
        there = words.store(key, role=role, scope=Scope.zone("z1"))
        await bench.handle(there, sequence=1)
    reply = await cs.call("prepareTemplate", **asked)
    assert reply.body["template"]["id"] == "t1"
    requested = await bench.said(RequestCopy)
    assert {said.store_id for said in requested if isinstance(said, RequestCopy)} == {"p1", "p2"}
    assert len(await bench.said(PrefetchObject)) == 1
    assert (await cs.call("prepareTemplate", **asked, storageid="p2")).status == 200
    assert len(await bench.said(RequestCopy)) == 3
    for wrong in ({"storageid": "s1"}, {"templateid": "t9"}, {"zoneid": "z9"}):
        assert (await cs.call("prepareTemplate", **{**asked, **wrong})).error[0] == 431, wrong
