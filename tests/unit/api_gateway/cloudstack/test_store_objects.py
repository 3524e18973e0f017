"""What is on an image store, and downloads of it."""

from typing import Any

import pytest
from stowage_contracts.catalogue import StoreEntry
from stowage_contracts.messages.image_store import ListStoreObjects, MakeLink, StoreObjectsListed
from stowage_contracts.values import ObjectRef

from tests.unit.api_gateway import words
from tests.unit.api_gateway.cloudstack.client import CloudStack
from tests.unit.api_gateway.cloudstack.playing import Bench

FILES = (
    StoreEntry(name="tmpl", folder=True),
    StoreEntry(
        name="t1.qcow2",
        folder=False,
        size=7,
        object=ObjectRef(kind="iso", id="t1"),
        object_name="disk",
        format="qcow2",
        updated=words.CREATED,
    ),
    StoreEntry(name="stray", folder=False, size=5, updated=words.CREATED),
)


def listed(question: Any) -> StoreObjectsListed:
    last = question.path.rpartition("/")[2]
    there = [one for one in FILES if one.name == last] or FILES
    page = there[question.offset : question.offset + question.limit]
    return StoreObjectsListed(store_id=question.store_id, entries=tuple(page), count=len(there))


@pytest.fixture
async def browsed(bench: Bench) -> Bench:
    bench.bus.replies.update(words.ANSWERS)
    bench.bus.replies[ListStoreObjects] = listed
    await bench.handle(words.store("s1"), sequence=1)
    await bench.handle(words.store("c1", role="ImageCache"), sequence=2)
    await bench.handle(words.template("t1", kind="iso", ready=True), sequence=1)
    return bench


async def test_a_folder_is_listed(cs: CloudStack, browsed: Bench) -> None:
    reply = await cs.call("listImageStoreObjects", id="s1")
    assert (reply.envelope, reply.body["count"]) == ("listimagestoreobjectsresponse", 3)
    assert reply.body["datastoreobject"] == [
        {"name": "tmpl", "isdirectory": True, "size": 0},
        {
            "name": "t1.qcow2",
            "isdirectory": False,
            "size": 7,
            "format": "QCOW2",
            "templateid": "t1",
            "templatename": "disk",
            "lastupdated": "2026-01-01T00:00:00+0000",
        },
        {
            "name": "stray",
            "isdirectory": False,
            "size": 5,
            "lastupdated": "2026-01-01T00:00:00+0000",
        },
    ]
    page = await cs.call("listImageStoreObjects", id="s1", path="/a", page=2, pagesize=2)
    assert (page.body["count"], len(page.body["datastoreobject"])) == (3, 1)
    assert len(await cs.rows("listImageStoreObjects", "datastoreobject", id="s1", pagesize=-1)) == 3


async def test_a_file_is_downloaded_by_a_link(cs: CloudStack, browsed: Bench) -> None:
    started = await cs.call("downloadImageStoreObject", id="s1", path="/template/t1.qcow2")
    assert started.status == 200, started
    done = await cs.job(started.body["jobid"])
    result = done["jobresult"]["downloadimagestoreobjectresponse"]
    assert result["url"] == words.PRESIGNED
    assert (result["state"], result["extractMode"]) == ("DOWNLOAD_URL_CREATED", "HTTP_DOWNLOAD")
    assert (result["id"], result["storagetype"]) == ("t1", "template")
    asked = [question for question, _ in browsed.bus.asked if isinstance(question, MakeLink)]
    assert {question.store_id for question in asked} == {"s1"}


@pytest.mark.parametrize(
    "params",
    [
        {"id": "c1", "path": "a/t1.qcow2"},
        {"id": "nothing", "path": "a/t1.qcow2"},
        {"id": "s1"},
        {"id": "s1", "path": "/"},
        {"id": "s1", "path": "a/tmpl"},
        {"id": "s1", "path": "a/unknown"},
        {"id": "s1", "path": "a/stray"},
    ],
)
async def test_what_is_no_file_of_the_catalogue_is_431(
    cs: CloudStack, browsed: Bench, params: dict[str, str]
) -> None:
    assert (await cs.call("downloadImageStoreObject", **params)).error[0] == 431
