"""createTemplate, of snapshots and volumes."""

from typing import Any

import pytest
from stowage_contracts.messages.image_store import MakeTemplate
from stowage_contracts.values import ObjectRef, Scope

from tests.unit.api_gateway import words
from tests.unit.api_gateway.cloudstack.client import CloudStack
from tests.unit.api_gateway.cloudstack.images import FAILED, Bench, cloud, in_zones, owner_says

NEW: dict[str, Any] = {"name": "golden", "ostypeid": "os-1"}


@pytest.fixture(autouse=True)
async def _cloud(bench: Bench) -> None:
    await cloud(bench)
    there = {"ready": True, "scope": Scope.zone("z1"), "zones": in_zones(z1=True)}
    await owner_says(bench, "base", hypervisor="XenServer")
    await bench.handle(words.volume("v1", template_id="base", **there), sequence=1)
    await bench.handle(words.snapshot("sn1", volume_id="v1", **there), sequence=1)
    await bench.handle(words.snapshot("sn2", parent_id="sn1", **there), sequence=1)
    await bench.handle(words.snapshot("sn3"), sequence=1)


@pytest.mark.parametrize(("name", "key"), [("snapshotid", "sn1"), ("volumeid", "v1")])
async def test_a_template_is_made_of_what_a_store_holds(
    cs: CloudStack, bench: Bench, name: str, key: str
) -> None:
    reply = await cs.call("createTemplate", **NEW, **{name: key}, displaytext="Golden")
    assert (reply.status, set(reply.body)) == (200, {"id", "jobid"})
    (said,) = await bench.said(MakeTemplate)
    assert isinstance(said, MakeTemplate)
    assert said.template_id == reply.body["id"]
    assert said.source == ObjectRef(kind=name.removesuffix("id"), id=key)
    assert (said.scope, said.hypervisor, said.format) == (Scope.zone("z1"), "XenServer", "raw")
    assert (await cs.job(reply.body["jobid"]))["jobstatus"] == 0
    await owner_says(bench, said.template_id, name="golden")
    job = await cs.job(reply.body["jobid"])
    told = job["jobresult"]["template"]
    assert (job["jobstatus"], told["displaytext"]) == (1, "Golden")
    assert told["isready"] is True


async def test_one_that_was_not_made_is_a_failed_job(cs: CloudStack, bench: Bench) -> None:
    reply = await cs.call("createTemplate", **NEW, snapshotid="sn1", zoneid="z2")
    fields: dict[str, Any] = {"ready": False, "zones": [], "replicas": [], "error": FAILED}
    await owner_says(bench, reply.body["id"], **fields)
    job = await cs.job(reply.body["jobid"])
    assert (job["jobstatus"], job["jobresult"]["errortext"]) == (2, "the source answered 404")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({}, 431),
        ({"snapshotid": "sn1", "volumeid": "v1"}, 431),
        ({"volumeid": "v1", "zoneid": "z1"}, 431),
        ({"snapshotid": "sn9"}, 431),
        ({"snapshotid": "sn2"}, 431),
        ({"snapshotid": "sn3"}, 431),
        ({"snapshotid": "sn1", "zoneid": "z9"}, 431),
        ({"virtualmachineid": "vm"}, 432),
        ({"snapshotid": "sn1", "ostypeid": ""}, 431),
    ],
)
async def test_what_no_template_is_made_of(
    cs: CloudStack, bench: Bench, wrong: dict[str, Any], code: int
) -> None:
    reply = await cs.call("createTemplate", **{**NEW, **wrong})
    assert reply.error[0] == code
    assert await bench.said() == []


async def test_others_disks_are_not_found(user: CloudStack) -> None:
    assert (await user.call("createTemplate", **NEW, volumeid="v1")).error[0] == 431
