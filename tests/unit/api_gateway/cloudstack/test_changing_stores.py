"""Image stores and staging stores: listed, changed, removed; their owners are played."""

from typing import Any

import pytest
from stowage_contracts.caching import EntryView
from stowage_contracts.errors import Conflict
from stowage_contracts.message import Message
from stowage_contracts.messages.cache_autoscaler import EntriesListed, ListEntries
from stowage_contracts.messages.image_store import (
    ChangeStore,
    RemoveStore,
    StoreChanged,
    StoreRemoved,
)
from stowage_contracts.values import ObjectRef, Scope

from tests.unit.api_gateway import words
from tests.unit.api_gateway.cloudstack.client import CloudStack
from tests.unit.api_gateway.cloudstack.playing import Bench, owner
from tests.unit.api_gateway.cloudstack.test_image_stores import stores

__all__ = ["stores"]


async def test_a_region_store_belongs_to_every_zone(cs: CloudStack, stores: Bench) -> None:
    here, there = Scope.zone("z1"), Scope.zone("z2")
    stored: dict[str, dict[str, Any]] = {
        "s1": {"scope": here, "settings": {"url": "nfs://f/x?version=3"}, "provider": "NFS"},
        "s2": {"settings": {"endpoint": "https://s3"}, "provider": "S3", "state": "ReadOnly"},
        "s3": {"scope": there, "state": "Draining"},
        "c1": {"role": "ImageCache"},
        "p1": {"role": "Primary"},
        "s9": {"state": "Adding"},
    }
    for number, (key, changes) in enumerate(stored.items()):
        await stores.handle(words.store(key, **changes), sequence=number + 1)
    table: list[Any] = [
        ({}, ["s1", "s2", "s3"]),
        ({"zoneid": "z1"}, ["s1", "s2"]),
        ({"provider": "s3"}, ["s2"]),
        ({"protocol": "nfs"}, ["s1"]),
        ({"readonly": True}, ["s2", "s3"]),
        ({"readonly": False}, ["s1"]),
        ({"name": "s3"}, ["s3"]),
        ({"id": "s1"}, ["s1"]),
        ({"keyword": "NFS"}, ["s1"]),
        ({"page": 2, "pagesize": 2}, ["s3"]),
        ({"id": "c1"}, []),
    ]
    for params, ids in table:
        found = await cs.rows("listImageStores", "imagestore", **params)
        assert [row["id"] for row in found] == ids, params
    states = [row["state"] for row in await cs.rows("listImageStores", "imagestore")]
    assert states == ["Enabled", "ReadOnly", "Draining"]
    cached = await cs.call("listSecondaryStagingStores")
    assert cached.envelope == "listsecondarystagingstoreresponse"
    assert [row["id"] for row in cached.body["imagestore"]] == ["c1"]


def obeys(message: Message) -> Message | None:
    """Changes and removals are done."""
    if isinstance(message, ChangeStore):
        wished = message.model_dump(include={"state", "name"}, exclude_none=True)
        room = {} if message.capacity_bytes is None else {"total_bytes": message.capacity_bytes}
        return StoreChanged(state=words.store(message.store_id, **wished, **room).state)
    if isinstance(message, RemoveStore):
        return StoreRemoved(state=words.store(message.store_id, state="Removed").state)
    return None


CHANGES: list[Any] = [
    ("updateImageStore", {"name": "new"}, {"name": "new"}),
    ("updateImageStore", {"readonly": True}, {"readonly": True, "state": "ReadOnly"}),
    ("updateImageStore", {"capacitybytes": 5000}, {"disksizetotal": 5000}),
    ("enableImageStore", {}, {"state": "Enabled", "readonly": False}),
    ("disableImageStore", {}, {"state": "Disabled"}),
]


@pytest.mark.parametrize(("command", "params", "shown"), CHANGES)
async def test_a_change_is_answered_once_it_is_so(
    cs: CloudStack, stores: Bench, command: str, params: Any, shown: dict[str, object]
) -> None:
    await stores.handle(words.store("s1"), sequence=1)
    async with owner(stores, obeys):
        reply = await cs.call(command, id="s1", **params)
    assert (reply.status, reply.envelope) == (200, f"{command.lower()}response")
    assert shown.items() <= reply.body["imagestore"].items()


@pytest.mark.parametrize("command", ["updateImageStore", "deleteImageStore"])
async def test_what_the_owner_refuses_is_told(cs: CloudStack, stores: Bench, command: str) -> None:
    before = Conflict("7 replicas are on it: old", asked="another").problem
    await stores.handle(words.store("s1", error=before), sequence=1)

    def refuses(message: Message) -> Message | None:
        assert isinstance(message, ChangeStore | RemoveStore)
        error = Conflict("2 replicas are on it: t1, t2", code="store_in_use", asked=message.asked)
        return StoreChanged(state=words.store("s1", error=error.problem).state)

    async with owner(stores, refuses):
        reply = await cs.call(command, id="s1", name="new")
    assert reply.error == (431, "2 replicas are on it: t1, t2")


async def test_an_empty_store_is_deleted(cs: CloudStack, stores: Bench) -> None:
    await stores.handle(words.store("s1"), sequence=1)
    async with owner(stores, obeys):
        reply = await cs.call("deleteImageStore", id="s1")
    assert reply.body == {"success": True}
    assert (await cs.call("deleteImageStore", id="s1")).error[0] == 431


@pytest.mark.parametrize(
    ("command", "params"),
    [
        ("deleteImageStore", {"id": "nothing"}),
        ("deleteImageStore", {"id": "c1"}),
        ("deleteSecondaryStagingStore", {"id": "s1"}),
        ("updateImageStore", {"id": "s1", "capacitybytes": -1}),
        ("updateImageStore", {"id": "s1", "readonly": True}),
        ("listStorageProviders", {"type": "SECONDARY"}),
        ("listStorageProviders", {}),
        ("createSecondaryStagingStore", {"url": "nfs://f/x"}),
        ("createSecondaryStagingStore", {"url": "nfs://f/x", "scope": "region"}),
        ("createSecondaryStagingStore", {"url": "nfs://f/x", "scope": "pod", "zoneid": "z1"}),
        ("createSecondaryStagingStore", {"url": "nfs://f/x", "zoneid": "z9"}),
        ("createSecondaryStagingStore", {"url": "u", "zoneid": "z1", "provider": "gopher"}),
    ],
)
async def test_bad_requests_are_431(
    cs: CloudStack, stores: Bench, command: str, params: dict[str, object]
) -> None:
    await stores.handle(words.store("s1", state="Disabled"), sequence=1)
    await stores.handle(words.store("c1", role="ImageCache"), sequence=2)
    reply = await cs.call(command, **params)
    assert (reply.envelope.startswith(command.lower()[:20]), reply.error[0]) == (True, 431)
    assert await stores.said() == []


async def test_users_have_no_such_commands(user: CloudStack) -> None:
    for command in ("addImageStore", "listImageStores", "deleteImageStore", "listS3s"):
        reply = await user.call(command)
        assert (reply.envelope, reply.error[0]) == ("errorresponse", 432)


@pytest.mark.parametrize(
    ("kind", "told", "names"),
    [
        ("image", "IMAGE", ["NFS", "S3", "Swift", "directory"]),
        ("IMAGECACHE", "ImageCache", ["NFS", "S3", "Swift", "directory"]),
        ("Primary", "PRIMARY", ["lvm"]),
        ("object", "OBJECT", []),
    ],
)
async def test_providers_are_listed_by_type(
    cs: CloudStack, stores: Bench, kind: str, told: str, names: list[str]
) -> None:
    await stores.handle(words.store("p1", role="Primary", provider="lvm"), sequence=1)
    found = await cs.rows("listStorageProviders", "dataStoreProvider", type=kind)
    assert found == [{"name": name, "type": told} for name in names]


@pytest.mark.parametrize("pinned", [True, False])
async def test_a_staging_store_in_use_is_not_deleted(
    cs: CloudStack, stores: Bench, pinned: bool
) -> None:
    entry = EntryView(
        id="e1",
        store_id="c1",
        object=ObjectRef(kind="template", id="t1"),
        digest="sha256-tree-4m:" + "0" * 64,
        format="raw",
        size=1,
        state="ready",
        pinned_by=("k1",) if pinned else (),
        last_used=words.CREATED,
        created=words.CREATED,
    )
    stores.bus.replies[ListEntries] = lambda question: EntriesListed(entries=(entry,))
    await stores.handle(words.store("c1", role="ImageCache"), sequence=1)
    async with owner(stores, obeys):
        reply = await cs.call("deleteSecondaryStagingStore", id="c1")
    if pinned:
        assert reply.error == (431, "copies use 1 objects on it: template/t1")
    else:
        assert reply.body == {"success": True}
