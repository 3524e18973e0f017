"""Snapshots as CloudStack's clients see them."""

from typing import Any

import pytest
from api_gateway.cloudstack.spec import ANSWERS
from stowage_contracts.messages.image_store import CopyToZone, DeleteSnapshot, MakeLink
from stowage_contracts.values import Scope

from tests.unit.api_gateway import words
from tests.unit.api_gateway.cloudstack.client import CloudStack
from tests.unit.api_gateway.cloudstack.disks import Bench, cloud, kept, only_said, snapshot, volume

FAILED = {"code": "conflict.children", "title": "no", "cause": "others stand on it"}
TWO_ZONES = [{"zone_id": "z1", "ready": True}, {"zone_id": "z2", "ready": True}]


@pytest.fixture(autouse=True)
async def _cloud(bench: Bench) -> None:
    await cloud(bench)


async def test_a_snapshot_is_told_with_its_volume_and_parent(cs: CloudStack, bench: Bench) -> None:
    await volume(bench)
    await snapshot(bench, "n0", name="first")
    await snapshot(bench, volume_id="v1", parent_id="n0")
    (row,) = await cs.rows("listSnapshots", "snapshot", id="n1")
    assert set(row) <= set(ANSWERS["SnapshotResponse"])
    assert {
        "id": "n1",
        "name": "snap",
        "state": "BackedUp",
        "snapshottype": "MANUAL",
        "intervaltype": "MANUAL",
        "locationtype": "SECONDARY",
        "volumeid": "v1",
        "volumename": "data",
        "parent": "n0",
        "parentname": "first",
        "physicalsize": 100,
        "virtualsize": 1000,
        "revertable": False,
        "zoneid": "z1",
        "zonename": "zone 1",
        "account": "admin",
        "datastoreid": "s1",
        "datastorestate": "Ready",
    }.items() <= row.items()


@pytest.mark.parametrize(
    ("told", "word"),
    [
        ({"ready": False, "replicas": []}, "Allocated"),
        ({"ready": False, "replicas": [kept(state="Creating")]}, "BackingUp"),
        ({"ready": False, "replicas": [], "error": FAILED}, "Error"),
    ],
)
async def test_states_are_told_in_cloudstacks_words(
    cs: CloudStack, bench: Bench, told: dict[str, Any], word: str
) -> None:
    await snapshot(bench, **told)
    (row,) = await cs.rows("listSnapshots", "snapshot")
    assert row["state"] == word


async def test_there_is_a_row_for_each_zone(cs: CloudStack, bench: Bench) -> None:
    await snapshot(bench, zones=TWO_ZONES)
    rows = await cs.rows("listSnapshots", "snapshot")
    assert [row["zoneid"] for row in rows] == ["z1", "z2"]
    assert len(await cs.rows("listSnapshots", "snapshot", zoneid="z2")) == 1
    assert len(await cs.rows("listSnapshots", "snapshot", showunique=True)) == 1


async def test_lists_are_narrowed(cs: CloudStack, user: CloudStack, bench: Bench) -> None:
    await snapshot(bench, "n1", volume_id="v1")
    await snapshot(bench, "n2", name="other", scope=Scope.region())

    async def ids(**params: Any) -> set[str]:
        return {row["id"] for row in await cs.rows("listSnapshots", "snapshot", **params)}

    assert await ids() == {"n1", "n2"}
    assert await ids(volumeid="v1") == {"n1"}
    assert await ids(name="other") == {"n2"}
    assert await ids(imagestoreid="s1") == {"n1", "n2"}
    assert await ids(locationtype="PRIMARY") == await ids(intervaltype="DAILY") == set()
    assert await user.rows("listSnapshots", "snapshot") == []


async def test_a_delete_ends_when_it_is_gone(cs: CloudStack, bench: Bench) -> None:
    await snapshot(bench)
    reply = await cs.call("deleteSnapshot", id="n1")
    assert await bench.said(DeleteSnapshot) == [DeleteSnapshot(snapshot_id="n1")]
    assert (await cs.job(reply.body["jobid"]))["jobstatus"] == 0
    await snapshot(bench, sequence=2, removed=True, ready=False, replicas=[])
    job = await cs.job(reply.body["jobid"])
    assert (job["jobstatus"], job["jobresult"]) == (1, {"success": True})


async def test_a_copy_ends_when_the_other_zone_has_it(cs: CloudStack, bench: Bench) -> None:
    await snapshot(bench)
    reply = await cs.call("copySnapshot", id="n1", destzoneid="z2")
    said = await only_said(bench, CopyToZone)
    assert (said.object.id, said.zone_id) == ("n1", "z2")
    assert (await cs.job(reply.body["jobid"]))["jobstatus"] == 0
    await snapshot(bench, sequence=2, zones=TWO_ZONES)
    job = await cs.job(reply.body["jobid"])
    assert (job["jobstatus"], job["jobresult"]["snapshot"]["id"]) == (1, "n1")


async def test_a_region_wide_one_is_there_already(cs: CloudStack, bench: Bench) -> None:
    await snapshot(bench, scope=Scope.region(), zones=[])
    reply = await cs.call("copySnapshot", id="n1", destzoneids="z1,z2")
    assert (await cs.job(reply.body["jobid"]))["jobstatus"] == 1
    assert await bench.said() == []


@pytest.mark.parametrize(
    "params", [{}, {"destzoneid": "none"}, {"destzoneid": "z2", "sourcezoneid": "z2"}]
)
async def test_a_copy_to_nowhere_is_refused(
    cs: CloudStack, bench: Bench, params: dict[str, str]
) -> None:
    await snapshot(bench)
    assert (await cs.call("copySnapshot", id="n1", **params)).error[0] == 431
    assert await bench.said() == []


async def test_what_is_not_backed_up_goes_nowhere(cs: CloudStack, bench: Bench) -> None:
    await snapshot(bench, ready=False, replicas=[])
    assert (await cs.call("extractSnapshot", id="n1", zoneid="z1")).error[0] == 431
    assert (await cs.call("copySnapshot", id="n1", destzoneid="z2")).error[0] == 431
    assert (await cs.call("archiveSnapshot", id="n1")).error[0] == 431


async def test_a_link_is_made_when_the_job_is_asked(cs: CloudStack, bench: Bench) -> None:
    await snapshot(bench)
    bench.bus.replies[MakeLink] = words.link_made
    reply = await cs.call("extractSnapshot", id="n1", zoneid="z1")
    told = (await cs.job(reply.body["jobid"]))["jobresult"]["snapshot"]
    assert (told["url"], told["storagetype"]) == (words.PRESIGNED, "snapshot")


async def test_an_archived_one_is_where_it_was(cs: CloudStack, bench: Bench) -> None:
    await snapshot(bench)
    reply = await cs.call("archiveSnapshot", id="n1")
    assert reply.envelope == "createsnapshotresponse"
    assert (await cs.job(reply.body["jobid"]))["jobresult"]["snapshot"]["state"] == "BackedUp"


async def test_reverting_is_refused_plainly(cs: CloudStack, bench: Bench) -> None:
    await snapshot(bench)
    code, text = (await cs.call("revertSnapshot", id="n1")).error
    assert (code, "not supported by this host" in text) == (432, True)
