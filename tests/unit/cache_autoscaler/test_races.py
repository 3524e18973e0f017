"""Messages that cross each other: nothing of a fill that was given up stays."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from stowage_contracts.errors import GrantRefused
from stowage_contracts.messages.cache_autoscaler import CacheReserved
from stowage_contracts.messages.data_motion import HopCommitFailed
from stowage_contracts.messages.image_store import ReleaseGrants
from stowage_contracts.values import Value
from stowage_stores.hosting import StoreRow

from tests.unit.cache_autoscaler.scene import Scene, image

DATA = image("t1")[1]


async def between(scene: Scene, call: str, then: Callable[[], Awaitable[Any]]) -> None:
    """Let something happen after the store answered ``call`` and before it is recorded."""
    async with scene.bench.tx() as tx:
        row = await tx.row("store", "k1")
    assert row is not None
    stores = scene.bench.service.deps.stores
    driver = await stores.driver(StoreRow("k1", row["provider"], row["settings"], row["sealed"]))
    really = getattr(driver, call)

    async def hooked(asked: Value) -> object:
        setattr(driver, call, really)
        answer = await really(asked)
        await then()
        return answer

    setattr(driver, call, hooked)


async def given_up(scene: Scene, reply: CacheReserved) -> None:
    """Released, evicted and forgotten."""
    assert reply.destination is not None
    await scene.bench.handle(ReleaseGrants(grant=reply.destination.grant, epoch=1))
    await scene.intents()
    assert await scene.entries() == []


async def test_a_fill_given_up_while_it_is_granted_leaves_no_part(scene: Scene) -> None:
    await scene.store()
    reply = await scene.reserve("c1")
    assert reply.destination is not None
    release = ReleaseGrants(grant=reply.destination.grant, epoch=1)
    await between(scene, "grant", lambda: scene.bench.handle(release))
    with pytest.raises(GrantRefused):
        await scene.redeem(reply, reply.destination, size=10)
    await scene.intents()
    assert (await scene.entries(), scene.files()) == ([], [])


async def test_a_fill_forgotten_while_it_is_granted_leaves_no_part(scene: Scene) -> None:
    await scene.store()
    reply = await scene.reserve("c1")

    async def meanwhile() -> None:
        part = scene.folder / "k1/.stowage/hop1.1.part"
        await given_up(scene, reply)
        part.parent.mkdir(exist_ok=True)
        part.touch()  # the store was slower than the eviction

    await between(scene, "grant", meanwhile)
    with pytest.raises(GrantRefused):
        await scene.redeem(reply, reply.destination, size=10)
    await scene.intents()
    assert scene.files() == []


async def test_a_commit_that_ends_after_its_entry_leaves_no_object(scene: Scene) -> None:
    await scene.store()
    reply = await scene.reserve("c1")
    await scene.write(reply, DATA)
    key = reply.destination.key if reply.destination else ""
    path = scene.folder / "k1" / key

    async def meanwhile() -> None:
        await given_up(scene, reply)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(DATA)  # the store was slower than the eviction

    await between(scene, "commit", meanwhile)
    await scene.bench.handle(scene.committing(reply, DATA))
    said = await scene.intents()
    assert any(isinstance(message, HopCommitFailed) for message in said)
    await scene.intents()
    assert scene.files() == []


async def test_a_commit_asked_for_again_keeps_its_pin(scene: Scene) -> None:
    await scene.store()
    reply = await scene.reserve("c1")
    await scene.write(reply, DATA)
    seconds = scene.bench.service.deps.settings.cache_pin_seconds
    for _ in range(3):
        await scene.pass_seconds(seconds - 1)
        await scene.bench.handle(scene.committing(reply, DATA))
        await scene.bench.run_timers("sweep")
    assert await scene.entries() == [("t1", "filling")]
