"""Volumes as CloudStack's clients see them."""

from asyncio import gather, sleep, timeout
from datetime import timedelta
from typing import Any

import pytest
from api_gateway.cloudstack.spec import ANSWERS
from pydantic import SecretStr
from stowage_contracts.messages.image_store import (
    ChangeObject,
    DeleteVolume,
    MakeLink,
    MoveVolume,
    OpenUpload,
    RegisterVolume,
    UploadOpened,
)
from stowage_contracts.values import Scope

from tests.unit.api_gateway import words
from tests.unit.api_gateway.cloudstack.client import CloudStack
from tests.unit.api_gateway.cloudstack.disks import Bench, cloud, kept, only_said, volume

FAILED = {"code": "source.status", "title": "no", "cause": "the source answered 404"}
NEW = {
    "name": "data",
    "url": "https://images.example/data.qcow2",
    "format": "QCOW2",
    "zoneid": "z1",
}
POOL = kept("p1", "Primary")


@pytest.fixture(autouse=True)
async def _cloud(bench: Bench) -> None:
    await cloud(bench)


async def only(cs: CloudStack, **params: Any) -> dict[str, Any]:
    (row,) = await cs.rows("listVolumes", "volume", **params)
    return row


async def test_a_volume_on_a_store_is_uploaded(cs: CloudStack, bench: Bench) -> None:
    await volume(bench)
    row = await only(cs)
    assert set(row) <= set(ANSWERS["VolumeResponse"])
    assert {
        "id": "v1",
        "name": "data",
        "zoneid": "z1",
        "zonename": "zone 1",
        "type": "DATADISK",
        "state": "Uploaded",
        "status": "Upload Complete",
        "size": 1000,
        "virtualsize": 1000,
        "physicalsize": 100,
        "account": "admin",
        "destroyed": False,
        "isextractable": True,
        "storagetype": "secondary",
        "deleteprotection": False,
        "displayvolume": True,
    }.items() <= row.items()
    assert "storageid" not in row


async def test_only_admins_are_told_the_pool(
    cs: CloudStack, user: CloudStack, bench: Bench
) -> None:
    await volume(bench, replicas=[POOL])
    row = await only(cs)
    assert (row["state"], row["storageid"], row["storagetype"]) == ("Ready", "p1", "local")
    account = (await user.rows("listAccounts", "account"))[0]["id"]
    await volume(bench, "v2", account_id=account, replicas=[POOL])
    row = await only(user)
    assert (row["id"], row["state"]) == ("v2", "Ready")
    assert not {"storageid", "storage"} & set(row)


@pytest.mark.parametrize(
    ("told", "word"),
    [
        ({"ready": False, "replicas": [kept(state="Creating")]}, "Uploading"),
        ({"ready": False, "replicas": [kept("p1", "Primary", "Creating")]}, "Creating"),
        ({"ready": False, "replicas": [], "upload": True}, "UploadNotStarted"),
        ({"ready": False, "replicas": []}, "Allocated"),
        ({"ready": False, "replicas": [], "error": FAILED}, "UploadError"),
        ({"replicas": [kept(), kept("p1", "Primary", "Creating")]}, "Copying"),
        ({"replicas": [POOL, kept("s1", "Image", "Creating")]}, "Migrating"),
    ],
)
async def test_states_are_told_in_cloudstacks_words(
    cs: CloudStack, bench: Bench, told: dict[str, Any], word: str
) -> None:
    await volume(bench, **told)
    assert (await only(cs))["state"] == word


async def test_lists_are_narrowed(cs: CloudStack, bench: Bench) -> None:
    await volume(bench, "v1")
    await volume(bench, "v2", name="other", scope=Scope.zone("z2"), zones=[])
    await volume(bench, "v3", replicas=[POOL])

    async def ids(**params: Any) -> set[str]:
        return {row["id"] for row in await cs.rows("listVolumes", "volume", **params)}

    assert await ids() == {"v1", "v2", "v3"}
    assert await ids(zoneid="z2") == {"v2"}
    assert await ids(name="other") == {"v2"}
    assert await ids(keyword="THE") == {"v2"}
    assert await ids(ids="v1,v3") == {"v1", "v3"}
    assert await ids(storageid="p1") == {"v3"}
    assert await ids(state="ready") == {"v3"}
    assert await ids(state="Uploaded", page=2, pagesize=1) == {"v1"}
    assert await ids(type="ROOT") == await ids(virtualmachineid="vm") == set()
    first = await cs.call("listVolumes", page=1, pagesize=2)
    assert (first.body["count"], len(first.body["volume"])) == (3, 2)


async def test_others_volumes_are_not_there(cs: CloudStack, user: CloudStack, bench: Bench) -> None:
    await volume(bench)
    assert await user.rows("listVolumes", "volume") == []
    for command in ("deleteVolume", "destroyVolume", "recoverVolume", "updateVolume"):
        assert (await user.call(command, id="v1")).error[0] == 431
    assert await bench.said() == []


async def test_an_upload_ends_when_it_is_verified(cs: CloudStack, bench: Bench) -> None:
    reply = await cs.call("uploadVolume", **NEW, checksum="a" * 32)
    said = await only_said(bench, RegisterVolume)
    assert (said.name, said.scope, said.checksum) == ("data", Scope.zone("z1"), f"md5:{'a' * 32}")
    job = await cs.job(reply.body["jobid"])
    assert (job["jobstatus"], job["jobinstancetype"]) == (0, "Volume")
    assert (await only(cs))["jobid"] == reply.body["jobid"]
    await volume(bench, said.volume_id)
    job = await cs.job(reply.body["jobid"])
    assert (job["jobstatus"], job["jobresult"]["volume"]["state"]) == (1, "Uploaded")


async def test_an_upload_that_failed_fails_its_job(cs: CloudStack, bench: Bench) -> None:
    reply = await cs.call("uploadVolume", **NEW)
    said = await only_said(bench, RegisterVolume)
    await volume(bench, said.volume_id, ready=False, replicas=[], error=FAILED)
    job = await cs.job(reply.body["jobid"])
    assert job["jobstatus"] == 2
    assert job["jobresult"] == {"errorcode": 530, "errortext": "the source answered 404"}


@pytest.mark.parametrize(
    "wrong",
    [{"url": "file:///etc/passwd"}, {"zoneid": "none"}, {"format": "PDF"}, {"checksum": "xyz"}],
)
async def test_a_bad_upload_is_refused(cs: CloudStack, bench: Bench, wrong: dict[str, str]) -> None:
    assert (await cs.call("uploadVolume", **{**NEW, **wrong})).error[0] == 431
    assert await bench.said() == []


async def test_an_upload_of_ones_own_goes_to_a_door(cs: CloudStack, bench: Bench) -> None:
    def opened(question: Any) -> UploadOpened:
        url = SecretStr("https://door.example/u/bWV0YQ.c2ln")
        return UploadOpened(object=question.object, url=url, expires=words.LATER)

    async def owner_speaks() -> str:
        while not (said := await bench.said(RegisterVolume)):
            await sleep(0.02)
        (one,) = said
        assert isinstance(one, RegisterVolume)
        await volume(bench, one.volume_id, ready=False, replicas=[], upload=True)
        return str(one.volume_id)

    bench.bus.replies[OpenUpload] = opened
    wanted = {name: text for name, text in NEW.items() if name != "url"}
    async with timeout(10):
        reply, key = await gather(cs.call("getUploadParamsForVolume", **wanted), owner_speaks())
    assert (reply.status, reply.envelope) == (200, "postuploadvolumeresponse")
    told = reply.body["getuploadparams"]
    assert (told["id"], told["postURL"]) == (key, f"https://door.example/upload/{key}")
    assert (await only(cs))["state"] == "UploadNotStarted"


async def test_a_volume_is_renamed_and_protected(cs: CloudStack, bench: Bench) -> None:
    await volume(bench)
    reply = await cs.call("updateVolume", id="v1", name="new", deleteprotection=True)
    assert (await cs.job(reply.body["jobid"]))["jobstatus"] == 1
    said = await only_said(bench, ChangeObject)
    assert said.name == "new"
    assert (await only(cs))["deleteprotection"] is True
    code, text = (await cs.call("deleteVolume", id="v1")).error
    assert (code, "deleteprotection" in text) == (431, True)
    assert await bench.said(DeleteVolume) == []


async def test_a_destroyed_volume_comes_back_until_it_is_expunged(
    cs: CloudStack, bench: Bench
) -> None:
    await volume(bench)
    reply = await cs.call("destroyVolume", id="v1")
    job = await cs.job(reply.body["jobid"])
    assert (job["jobstatus"], job["jobresult"]["volume"]["state"]) == (1, "Destroy")
    assert await cs.rows("listVolumes", "volume") == []
    assert (await only(cs, state="Destroy"))["destroyed"] is True
    recovered = await cs.call("recoverVolume", id="v1")
    assert recovered.body["volume"]["state"] == "Uploaded"
    assert (await cs.call("recoverVolume", id="v1")).error[0] == 431
    assert await bench.said(DeleteVolume) == []


async def test_expunging_deletes_and_its_job_waits_for_it(cs: CloudStack, bench: Bench) -> None:
    await volume(bench)
    reply = await cs.call("destroyVolume", id="v1", expunge=True)
    assert await bench.said(DeleteVolume) == [DeleteVolume(volume_id="v1")]
    assert (await cs.job(reply.body["jobid"]))["jobstatus"] == 0
    await volume(bench, sequence=2, removed=True, replicas=[], ready=False)
    assert (await cs.job(reply.body["jobid"]))["jobstatus"] == 1


async def test_what_nobody_takes_back_is_deleted(cs: CloudStack, bench: Bench) -> None:
    await volume(bench)
    await cs.call("destroyVolume", id="v1")
    await bench.run_timers("expunge")
    assert await bench.said(DeleteVolume) == []
    await bench.pass_time(timedelta(seconds=86_401))
    await bench.run_timers("expunge")
    await bench.run_timers("expunge")
    assert await bench.said(DeleteVolume) == [DeleteVolume(volume_id="v1")]


async def test_deleting_answers_once_its_owner_has_hidden_it(cs: CloudStack, bench: Bench) -> None:
    await volume(bench)

    async def hide() -> None:
        while not await bench.said(DeleteVolume):
            await sleep(0.02)
        await volume(bench, sequence=2, removed=True, ready=False)

    async with timeout(10):
        reply, _ = await gather(cs.call("deleteVolume", id="v1"), hide())
    assert (reply.status, reply.body) == (200, {"success": True})


async def test_a_move_follows_its_copy(cs: CloudStack, bench: Bench) -> None:
    await volume(bench)
    reply = await cs.call("migrateVolume", volumeid="v1", storageid="p1")
    said = await only_said(bench, MoveVolume)
    assert (said.volume_id, said.store_id) == ("v1", "p1")
    assert (await cs.job(reply.body["jobid"]))["jobstatus"] == 0
    await bench.handle(words.planned(said.copy_id, state="done"), sequence=1)
    await volume(bench, sequence=2, replicas=[POOL])
    job = await cs.job(reply.body["jobid"])
    assert (job["jobstatus"], job["jobresult"]["volume"]["state"]) == (1, "Ready")


async def test_a_move_that_makes_no_sense_is_refused(cs: CloudStack, bench: Bench) -> None:
    await volume(bench, replicas=[POOL])
    await volume(bench, "v2", ready=False, replicas=[])
    assert (await cs.call("migrateVolume", volumeid="v1", storageid="p1")).error[0] == 431
    assert (await cs.call("migrateVolume", volumeid="v2", storageid="p1")).error[0] == 431
    assert (await cs.call("migrateVolume", volumeid="v1", storageid="no")).error[0] == 431
    assert await bench.said() == []


async def test_a_link_is_made_when_the_job_is_asked(cs: CloudStack, bench: Bench) -> None:
    await volume(bench)
    bench.bus.replies[MakeLink] = words.link_made
    params = {"id": "v1", "zoneid": "z1", "mode": "HTTP_DOWNLOAD"}
    reply = await cs.call("extractVolume", **params)
    told = (await cs.job(reply.body["jobid"]))["jobresult"]["volume"]
    assert (told["state"], told["url"]) == ("DOWNLOAD_URL_CREATED", words.PRESIGNED)
    assert (told["id"], told["extractMode"], told["storagetype"]) == (
        "v1",
        "HTTP_DOWNLOAD",
        "volume",
    )
    assert (await cs.call("extractVolume", **{**params, "mode": "TELEX"})).error[0] == 431
    await volume(bench, "v2", replicas=[POOL])
    code, text = (await cs.call("extractVolume", **{**params, "id": "v2"})).error
    assert (code, "move it" in text) == (432, True)


@pytest.mark.parametrize(
    ("command", "params"),
    [
        ("createVolume", {"diskofferingid": "d", "zoneid": "z1", "name": "new"}),
        ("resizeVolume", {"id": "v1", "size": 10}),
        ("attachVolume", {"id": "v1", "virtualmachineid": "vm"}),
        ("detachVolume", {"id": "v1"}),
        ("createSnapshot", {"volumeid": "v1"}),
        ("createStoragePool", {"name": "p", "url": "nfs://h/p", "zoneid": "z1"}),
    ],
)
async def test_what_no_agent_carries_is_refused_plainly(
    cs: CloudStack, bench: Bench, command: str, params: dict[str, Any]
) -> None:
    await volume(bench)
    code, text = (await cs.call(command, **params)).error
    assert (code, "not supported by this host" in text) == (432, True)
    assert await bench.said() == []


@pytest.mark.parametrize("params", [{}, {"snapshotid": "none", "zoneid": "z1"}])
async def test_a_volume_of_nothing_is_a_wrong_parameter(
    cs: CloudStack, params: dict[str, str]
) -> None:
    assert (await cs.call("createVolume", name="x", **params)).error[0] == 431


async def test_pools_are_those_their_agents_report(cs: CloudStack, user: CloudStack) -> None:
    (row,) = await cs.rows("listStoragePools", "storagepool")
    assert set(row) <= set(ANSWERS["StoragePoolResponse"])
    assert {
        "id": "p1",
        "zoneid": "z1",
        "zonename": "zone 1",
        "scope": "HOST",
        "state": "Up",
        "path": "/srv/pool",
        "disksizetotal": 5000,
        "disksizeused": 1000,
        "provider": "DefaultPrimary",
    }.items() <= row.items()
    assert await cs.rows("listStoragePools", "storagepool", zoneid="z2") == []
    assert (await user.call("listStoragePools")).error[0] == 432
