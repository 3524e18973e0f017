"""A store looked at as folders."""

import pytest
from stowage_contracts.errors import Conflict, Unavailable
from stowage_contracts.messages.image_store import (
    ListStoreObjects,
    MakeLink,
    ScanStore,
    StoreObjectsListed,
)

from tests.unit.image_store.scene import CONTENT, Scene
from tests.unit.image_store.test_keeping import T1, ready
from tests.unit.image_store.test_relocating import chain

__all__ = ["ready"]


async def listed(scene: Scene, path: str = "", offset: int = 0, limit: int = 500) -> list[str]:
    question = ListStoreObjects(store_id="s1", path=path, offset=offset, limit=limit)
    answer = await scene.bench.ask(question)
    assert isinstance(answer, StoreObjectsListed)
    return [f"{entry.name}/" if entry.folder else entry.name for entry in answer.entries]


async def test_folders_are_told_once_and_files_with_what_they_are(ready: Scene) -> None:
    await chain(ready)
    assert await listed(ready) == ["snapshots/", "template/"]
    assert await listed(ready, "/template") == ["tmpl/"]
    folder = "snapshots/a1"
    assert await listed(ready, f"/{folder}/") == ["a/", "b/", "c/"]
    assert await listed(ready, folder, offset=1, limit=1) == ["b/"]
    assert await listed(ready, "snapshots/a") == []
    assert await listed(ready, f"{folder}/a/a.raw") == ["a.raw"]
    path = "template/tmpl/acme/t1"
    answer = await ready.bench.ask(ListStoreObjects(store_id="s1", path=path))
    assert isinstance(answer, StoreObjectsListed)
    (entry,) = answer.entries
    assert (entry.name, entry.size, entry.object) == ("t1.qcow2", len(CONTENT), T1)
    assert answer.count == 1


async def test_what_a_scan_found_is_told_too(ready: Scene) -> None:
    stray = ready.folder / "s1" / "template" / "stray.iso"
    stray.write_bytes(b"12345")
    await ready.bench.handle(ScanStore(store_id="s1"))
    await ready.bench.run_intents()
    assert await listed(ready, "template") == ["stray.iso", "tmpl/"]
    answer = await ready.bench.ask(ListStoreObjects(store_id="s1", path="template/stray.iso"))
    assert isinstance(answer, StoreObjectsListed)
    (entry,) = answer.entries
    assert (entry.size, entry.object) == (5, None)


async def test_a_link_may_be_of_one_store_only(ready: Scene) -> None:
    owner = ready.registration().account_id
    question = MakeLink(link_id="l1", object=T1, account_id=owner, seconds=60, store_id="s1")
    with pytest.raises(Unavailable, match="no agent with a door") as refused:
        await ready.bench.ask(question)
    assert refused.value.resource == "store/s1"
    with pytest.raises(Conflict, match="no readable store"):
        await ready.bench.ask(question.model_copy(update={"store_id": "s2", "link_id": "l2"}))
