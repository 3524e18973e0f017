"""Grants on entries: who may redeem what, what a commit proves, what giving up leaves."""

from typing import Any

import pytest
from stowage_contracts.errors import GrantRefused, NotFound
from stowage_contracts.messages.data_motion import HopCommitFailed, HopCommitted
from stowage_contracts.messages.image_store import ReleaseGrants
from stowage_contracts.testing.grant_client import FileClient
from stowage_runtime import keys

from tests.unit.cache_autoscaler.scene import Scene, image

DATA = image("t1")[1]


async def test_a_fill_is_committed_and_read_back(scene: Scene) -> None:
    await scene.store()
    reply = await scene.reserve("c1")
    await scene.write(reply, DATA)
    assert await scene.entries() == [("t1", "filling")]
    await scene.bench.handle(scene.committing(reply, DATA))
    said = await scene.intents()
    assert [type(message).__name__ for message in said] == ["HopCommitted", "CacheChanged"]
    assert await scene.entries() == [("t1", "ready")]
    assert await scene.read(reply) == DATA


async def test_a_repeated_commit_is_answered_again(scene: Scene) -> None:
    await scene.store()
    reply = await scene.fill("c1")
    (said,) = await scene.bench.handle(scene.committing(reply, DATA, "c1-1"))
    assert isinstance(said, HopCommitted)
    (said,) = await scene.bench.handle(scene.committing(reply, DATA, "c1-1", epoch=2))
    assert isinstance(said, HopCommitted)
    assert said.epoch == 2


async def test_an_unfinished_entry_is_not_read(scene: Scene) -> None:
    await scene.store()
    reply = await scene.reserve("c1")
    with pytest.raises(GrantRefused):
        await scene.redeem(reply, reply.source)


@pytest.mark.parametrize(
    ("source", "changes"), [("agent/h2", {}), ("data-motion", {}), ("agent/h1", {"host_id": "h2"})]
)
async def test_a_foreign_agent_gets_nothing(
    scene: Scene, source: str, changes: dict[str, Any]
) -> None:
    await scene.store()
    reply = await scene.reserve("c1")
    with pytest.raises(GrantRefused):
        await scene.redeem(reply, reply.destination, source=source, **changes)


async def test_a_forged_ticket_or_another_grants_ticket_gets_nothing(scene: Scene) -> None:
    await scene.store()
    one, two = await scene.reserve("c1"), await scene.reserve("c2", "t2")
    with pytest.raises(GrantRefused):
        await scene.redeem(one, two.destination)
    scene.keys.update(keys.make())
    with pytest.raises(GrantRefused):
        await scene.redeem(one, one.destination)


async def test_an_older_epoch_is_superseded(scene: Scene) -> None:
    await scene.store()
    reply = await scene.reserve("c1")
    await scene.redeem(reply, reply.destination, epoch=3)
    with pytest.raises(GrantRefused) as refused:
        await scene.redeem(reply, reply.destination, epoch=2)
    assert refused.value.code == "grant.superseded"
    assert await scene.bench.handle(scene.committing(reply, DATA, epoch=2)) == []


async def test_more_than_was_reserved_is_not_granted(scene: Scene) -> None:
    await scene.store()
    reply = await scene.reserve("c1")
    with pytest.raises(GrantRefused) as refused:
        await scene.redeem(reply, reply.destination, size=1001)
    assert refused.value.code == "grant.size"


async def test_a_new_generation_drops_the_parts_of_the_old(scene: Scene) -> None:
    await scene.store()
    reply = await scene.reserve("c1")
    await scene.write(reply, DATA)
    assert scene.files() == [".stowage/hop1.1.part"]
    redeemed = await scene.redeem(reply, reply.destination, size=1000, generation=2, epoch=2)
    await scene.intents()
    assert scene.files() == [".stowage/hop1.2.part"]
    await FileClient().write(redeemed.grant, 0, DATA)
    await scene.bench.handle(scene.committing(reply, DATA, epoch=2))
    await scene.intents()
    assert await scene.entries() == [("t1", "ready")]


async def test_other_bytes_than_reserved_for_are_not_committed(scene: Scene) -> None:
    await scene.store()
    reply = await scene.reserve("c1")
    other = image("t9")[1]
    await scene.write(reply, other)
    await scene.bench.handle(scene.committing(reply, other))
    (said,) = await scene.intents()
    assert isinstance(said, HopCommitFailed)
    assert said.error.code == "conflict.digest"


async def test_a_commit_without_bytes_fails_with_a_reason(scene: Scene) -> None:
    await scene.store()
    reply = await scene.reserve("c1")
    await scene.redeem(reply, reply.destination)
    (scene.folder / "k1/.stowage/hop1.1.part").unlink()
    await scene.bench.handle(scene.committing(reply, DATA))
    (said,) = await scene.intents()
    assert isinstance(said, HopCommitFailed)
    assert said.error.code == "not_found"


async def test_a_released_fill_is_dropped_with_its_parts(scene: Scene) -> None:
    await scene.store()
    reply = await scene.reserve("c1")
    await scene.write(reply, DATA)
    assert reply.destination is not None
    for _ in range(2):
        await scene.bench.handle(ReleaseGrants(grant=reply.destination.grant, epoch=1))
    assert await scene.entries() == [("t1", "evicting")]
    with pytest.raises(GrantRefused):
        await scene.redeem(reply, reply.destination)
    await scene.intents()
    assert (await scene.entries(), scene.files()) == ([], [])
    (said,) = await scene.bench.handle(scene.committing(reply, DATA))
    assert isinstance(said, HopCommitFailed)
    with pytest.raises(NotFound):
        await scene.redeem(reply, reply.destination)


async def test_a_release_of_an_older_epoch_changes_nothing(scene: Scene) -> None:
    await scene.store()
    reply = await scene.reserve("c1")
    await scene.redeem(reply, reply.destination, epoch=2)
    assert reply.destination is not None
    await scene.bench.handle(ReleaseGrants(grant=reply.destination.grant, epoch=1))
    assert await scene.entries() == [("t1", "filling")]


async def test_releasing_after_the_commit_keeps_the_entry(scene: Scene) -> None:
    await scene.store()
    reply = await scene.fill("c1")
    assert reply.destination is not None
    assert reply.source is not None
    await scene.bench.handle(ReleaseGrants(grant=reply.destination.grant, epoch=1))
    await scene.bench.handle(ReleaseGrants(grant=reply.source.grant, epoch=1))
    assert await scene.entries() == [("t1", "ready")]
    assert (await scene.reserve("c2")).answer == "ready"
