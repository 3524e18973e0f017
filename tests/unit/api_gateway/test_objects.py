"""Templates, volumes and snapshots: the same routes for each, and what is its own."""

from typing import Any

import pytest
from api_gateway.deps import Deps
from pydantic import SecretStr
from stowage_contracts.message import Message
from stowage_contracts.messages.image_store import (
    ChangeObject,
    CopyToZone,
    DeleteReplica,
    DeleteSnapshot,
    DeleteTemplate,
    DeleteVolume,
    FinishUpload,
    OpenUpload,
    RegisterSnapshot,
    RegisterTemplate,
    RegisterVolume,
    ReplicaReady,
    VerifyReplica,
)
from stowage_contracts.values import ObjectRef, Scope
from stowage_runtime.secrets import Opener
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway import words
from tests.unit.api_gateway.api import Api, account

Bench = ServiceBench[Deps]
NEW: dict[str, Any] = {"name": "disk", "url": "http://user:canary@images/d", "format": "raw"}
UPLOAD: dict[str, Any] = {"name": "disk", "upload": True, "format": "raw"}
NOUNS = pytest.mark.parametrize("noun", list(words.OBJECTS))
REGISTERS: dict[str, type[Message]] = {
    "templates": RegisterTemplate,
    "volumes": RegisterVolume,
    "snapshots": RegisterSnapshot,
}
DELETES: dict[str, type[Message]] = {
    "templates": DeleteTemplate,
    "volumes": DeleteVolume,
    "snapshots": DeleteSnapshot,
}


@NOUNS
async def test_what_is_registered_is_read_at_once_and_its_url_travels_sealed(
    api: Api, bench: Bench, made_keys: dict[str, str], noun: str
) -> None:
    made = await api.post(f"/v1/{noun}", {**NEW, "id": "o1"})
    assert (made.status, made.body["kind"]) == (202, noun[:-1])
    assert (await api.get(f"/v1/{noun}/o1")).body["name"] == "disk"
    (said,) = await bench.said(REGISTERS[noun])
    assert isinstance(said, RegisterTemplate | RegisterVolume | RegisterSnapshot)
    assert "canary" not in said.model_dump_json()
    assert said.object == ObjectRef(kind=noun[:-1], id="o1")
    assert (said.admin, said.copy_id) == (True, made.body["copy_id"])
    opener = Opener(SecretStr(made_keys["seal_private_key_image_store"]))
    assert opener.open(said.sealed_url, f"{noun[:-1]}/o1").decode() == NEW["url"]
    copy = (await api.get(f"/v1/copies/{made.body['copy_id']}")).body
    assert (copy["state"], copy["object"]) == ("requested", {"kind": noun[:-1], "id": "o1"})


async def test_every_wish_reaches_the_owner(api: Api, bench: Bench) -> None:
    for there in (words.zone("z1"), words.store("s1"), words.store("s2")):
        await bench.handle(there, sequence=1)
    wishes = {
        "zone_id": "z1",
        "scope": "perZone",
        "checksum": "md5:" + "0" * 32,
        "store_ids": ["s1", "s2"],
        "min_copies": 2,
        "max_copies": 3,
        "tags": ["gold"],
        "hypervisor": "XenServer",
    }
    await api.post("/v1/templates", {**NEW, **wishes, "format": "iso"})
    (said,) = await bench.said(RegisterTemplate)
    told = said.model_dump(mode="json")
    wanted = {name: wish for name, wish in wishes.items() if name not in {"zone_id", "scope"}}
    assert {name: told[name] for name in wanted} == wanted
    assert told["scope"] == Scope.zone("z1").model_dump(mode="json")
    (shown,) = (await api.get("/v1/templates")).body["items"]
    assert (shown["kind"], shown["tags"], shown["min_copies"]) == ("iso", ["gold"], 2)


async def test_an_ordinary_account_is_told_apart_from_an_operator(api: Api, bench: Bench) -> None:
    mine, _ = await account(api)
    await mine.post("/v1/templates", {**NEW, "url": "s3://bucket/key"})
    (said,) = await bench.said(RegisterTemplate)
    assert isinstance(said, RegisterTemplate)
    assert not said.admin


async def test_nothing_is_fetched_for_an_upload_or_in_place(api: Api, bench: Bench) -> None:
    table: list[Any] = [
        {**UPLOAD, "size": 7},
        {**NEW, "url": "swift://container/key", "in_place": True},
    ]
    for body in table:
        made = await api.post("/v1/volumes", body)
        assert (made.status, made.body["copy_id"]) == (202, None)
    assert (await api.get("/v1/copies")).body["items"] == []
    upload, in_place = await bench.said(RegisterVolume)
    assert isinstance(upload, RegisterVolume)
    assert isinstance(in_place, RegisterVolume)
    assert (upload.sealed_url, upload.size) == ("", 7)
    assert in_place.in_place


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "ftp://images/d"},
        {"url": "s3://"},
        {"url": "http:/images"},
        {"url": "http://images/" + "x" * 5000},
        {"upload": True},
        {"url": None},
        {"size": 7},
        {"in_place": True},
        {"scope": "perZone"},
        {"scope": "regionWide", "zone_id": "z1"},
        {"scope": "pod"},
        {"min_copies": 3, "max_copies": 2},
        {"min_copies": 0},
        {"store_id": "s1"},
        {"hypervisor": "VirtualBox"},
    ],
)
async def test_contradictions_are_refused(api: Api, bench: Bench, wrong: dict[str, Any]) -> None:
    answer = await api.post("/v1/templates", {**NEW, **wrong})
    assert (answer.status, answer.body["code"]) == (400, "invalid.body")
    assert "canary" not in str(answer.body)
    assert await bench.said() == []


async def test_what_a_body_refers_to_must_exist_and_fit(api: Api, bench: Bench) -> None:
    await bench.handle(words.pool("p1"), sequence=1)
    await bench.handle(words.volume("theirs", account_id="another"), sequence=1)
    mine, _ = await account(api)
    table: list[Any] = [
        ("/v1/templates", {"zone_id": "z9"}, 404, "not_found"),
        ("/v1/templates", {"store_ids": ["s9"]}, 404, "not_found"),
        ("/v1/templates", {"store_ids": ["p1"]}, 400, "invalid.role"),
        ("/v1/snapshots", {"parent_id": "s9"}, 404, "not_found"),
        ("/v1/snapshots", {"volume_id": "theirs"}, 404, "not_found"),
    ]
    for path, wrong, status, code in table:
        answer = await mine.post(path, {**NEW, **wrong})
        assert (answer.status, answer.body["code"]) == (status, code)
    assert await bench.said() == []
    # a hypervisor's volume need not be on any store
    assert (await mine.post("/v1/snapshots", {**NEW, "volume_id": "vm-disk"})).status == 202


async def test_a_list_is_narrowed(api: Api, bench: Bench) -> None:
    there, away = {"zone_id": "z1", "ready": True}, {"zone_id": "z1", "ready": False}
    told = [
        words.template("everywhere", ready=True, tags=["gold", "kvm"], zones=[there]),
        words.template("zoned", scope=Scope.zone("z1"), zones=[there], ready=True),
        words.template("coming", scope=Scope.zone("z1"), zones=[away], kind="iso"),
        words.template("new"),
        words.template("elsewhere", scope=Scope.zone("z2"), zones=[{**there, "zone_id": "z2"}]),
        words.template("gone", removed=True),
    ]
    for said in told:
        await bench.handle(said, sequence=1)
    table = {
        "": {"everywhere", "zoned", "coming", "new", "elsewhere"},
        "?kind=iso": {"coming"},
        "?tag=gold": {"everywhere"},
        "?ready=true": {"everywhere", "zoned"},
        "?zone_id=z1": {"everywhere", "zoned", "coming", "new"},
        "?zone_id=z1&ready=true": {"everywhere", "zoned"},
        "?zone_id=z1&ready=false": {"coming", "new"},
        "?zone_id=z2&kind=template&ready=true": {"elsewhere"},
    }
    for query, ids in table.items():
        found = (await api.get(f"/v1/templates{query}")).body["items"]
        assert {item["id"] for item in found} == ids, query


@NOUNS
async def test_wishes_are_changed_and_objects_deleted_by_their_owner(
    api: Api, bench: Bench, noun: str
) -> None:
    await bench.handle(words.OBJECTS[noun]("o1", min_copies=2), sequence=1)
    changed = await api.call("PATCH", f"/v1/{noun}/o1", {"tags": [], "max_copies": 2})
    assert changed.status == 202
    (said,) = await bench.said(ChangeObject)
    what = ObjectRef(kind=noun[:-1], id="o1")
    assert said == ChangeObject(object=what, tags=(), max_copies=2)
    for wrong, code in [({}, "invalid.body"), ({"max_copies": 1}, "invalid.copies")]:
        refused = await api.call("PATCH", f"/v1/{noun}/o1", wrong)
        assert (refused.status, refused.body["code"]) == (400, code)
    assert (await api.delete(f"/v1/{noun}/o1")).status == 202
    assert len(await bench.said(DELETES[noun])) == 1


async def test_an_iso_is_spoken_of_as_one(api: Api, bench: Bench) -> None:
    await bench.handle(words.template("t1", kind="iso", format="iso"), sequence=1)
    await api.call("PATCH", "/v1/templates/t1", {"name": "new"})
    (said,) = await bench.said(ChangeObject)
    assert isinstance(said, ChangeObject)
    assert said.object == ObjectRef(kind="iso", id="t1")
    assert said.subject == "template/t1"


async def test_a_copy_to_a_zone_says_when_the_object_is_there_already(
    api: Api, bench: Bench
) -> None:
    zones = [{"zone_id": "z1", "ready": True}, {"zone_id": "z2", "ready": False}]
    for zone in ("z1", "z2", "z3"):
        await bench.handle(words.zone(zone), sequence=1)
    await bench.handle(words.template("everywhere"), sequence=1)
    await bench.handle(words.template("zoned", scope=Scope.zone("z1"), zones=zones), sequence=1)
    table = [
        ("everywhere", "z3", True),
        ("zoned", "z1", True),
        ("zoned", "z2", False),
        ("zoned", "z3", False),
    ]
    for key, zone, there in table:
        for replayed in (False, True):
            answer = await api.post(
                f"/v1/templates/{key}/zones", {"zone_id": zone}, Idempotency_Key=f"{key}{zone}"
            )
            assert answer.body == {"already_available": there, "zone_id": zone}
            assert answer.status == (200 if there else 202)
            assert ("Idempotency-Replayed" in answer.headers) == replayed
    said = await bench.said(CopyToZone)
    assert [command.model_dump()["zone_id"] for command in said] == ["z2", "z3"]
    missing = await api.post("/v1/templates/zoned/zones", {"zone_id": "z9"})
    assert (missing.status, missing.body["resource"]) == (404, "zone/z9")


async def test_one_replica_is_verified_or_deleted(api: Api, bench: Bench) -> None:
    replica = {"store_id": "s1", "role": "Image", "state": "Ready"}
    await bench.handle(words.volume("v1", replicas=[replica]), sequence=1)
    assert (await api.post("/v1/volumes/v1/replicas/s1/verify")).status == 202
    assert (await api.delete("/v1/volumes/v1/replicas/s1")).status == 202
    what = ObjectRef(kind="volume", id="v1")
    assert await bench.said() == [
        VerifyReplica(object=what, store_id="s1"),
        DeleteReplica(object=what, store_id="s1"),
    ]
    missing = await api.delete("/v1/volumes/v1/replicas/s2")
    assert (missing.status, missing.body["code"]) == (404, "not_found.replica")


async def test_an_upload_is_told_where_its_parts_go(api: Api, bench: Bench) -> None:
    bench.bus.replies.update(words.ANSWERS)
    await bench.handle(words.template("t1", upload=True, account_id="someone"), sequence=1)
    opened = await api.post("/v1/templates/t1/upload", {"first_part": 2, "part_count": 2})
    assert opened.status == 200
    assert opened.headers["Cache-Control"] == "no-store"
    assert [part["number"] for part in opened.body["parts"]] == [2, 3]
    assert opened.body["parts"][0]["url"].startswith(words.PRESIGNED)
    assert opened.body["done"] == [{"number": 1, "size": 1 << 20, "etag": "e"}]
    assert (opened.body["part_size"], opened.body["part_growth"]) == (1 << 20, 1000)
    assert set(opened.body) == {"part_size", "part_growth", "parts", "done", "url", "expires"}
    ((question, to),) = bench.bus.asked
    assert isinstance(question, OpenUpload)
    assert (question.account_id, to) == ("someone", "image-store")
    done = await api.post("/v1/templates/t1/upload/finish", {"size": 7})
    assert done.status == 202
    what = ObjectRef(kind="template", id="t1")
    assert await bench.said(FinishUpload) == [FinishUpload(object=what, size=7)]


async def test_only_an_open_upload_is_sent_to(api: Api, bench: Bench) -> None:
    await bench.handle(words.template("fetched"), sequence=1)
    await bench.handle(words.template("sent", upload=True, ready=True), sequence=1)
    for key, code in [("fetched", "conflict.no_upload"), ("sent", "conflict.uploaded")]:
        for path, body in [("upload", {}), ("upload/finish", {"size": 1})]:
            answer = await api.post(f"/v1/templates/{key}/{path}", body)
            assert (answer.status, answer.body["code"]) == (409, code)
    assert bench.bus.asked == []


async def test_a_copy_a_store_made_by_itself_is_done(api: Api, bench: Bench) -> None:
    made = await api.post("/v1/templates", {**NEW, "url": "s3://bucket/key", "id": "t1"})
    copy_id = made.body["copy_id"]
    ready = {"object": words.TEMPLATE_OBJECT, "store_id": "s1", "size": 1, "copy_id": copy_id}
    await bench.handle(ReplicaReady(**ready, digest="md5:" + "0" * 32), sequence=1)
    copy = (await api.get(f"/v1/copies/{copy_id}")).body
    assert copy["state"] == "done"
    assert copy["finished"] is not None


async def test_a_known_copy_is_done_when_its_owner_says_so(api: Api, bench: Bench) -> None:
    await bench.handle(words.planned("c1"), sequence=1)
    ready = {"object": words.TEMPLATE_OBJECT, "store_id": "s1", "size": 1, "copy_id": "c1"}
    await bench.handle(ReplicaReady(**ready, digest="md5:" + "0" * 32), sequence=1)
    assert (await api.get("/v1/copies/c1")).body["state"] == "planned"
