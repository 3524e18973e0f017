"""What a cache damaged or lost is never read again; it is filled anew, and told."""

from typing import Any

import pytest
from stowage_contracts.errors import GrantRefused, ImageRefused, Unavailable
from stowage_contracts.messages.cache_autoscaler import CacheReserved
from stowage_contracts.messages.image_store import ReleaseGrants

from tests.unit.cache_autoscaler.scene import Scene

WRONG = ImageRefused("the digest is sha256:0, not sha256:1", code="digest").problem


async def damaged(scene: Scene, reply: CacheReserved) -> None:
    """The reading hop met other bytes."""
    assert reply.source is not None
    released = ReleaseGrants(grant=reply.source.grant, epoch=1, damaged=WRONG)
    await scene.bench.handle(released)
    await scene.intents()


async def losses(scene: Scene) -> list[Any]:
    return await scene.sql("SELECT why, store_id FROM cache_autoscaler.losses ORDER BY id")


async def test_a_damaged_entry_is_dropped_told_and_filled_anew(scene: Scene) -> None:
    await scene.store()
    await scene.completed(await scene.fill("c1"))
    reply = await scene.reserve("c2")
    await scene.redeem(reply, reply.source, "hop2")
    await damaged(scene, reply)
    assert (await scene.entries(), scene.files()) == ([], [])
    assert [(row["why"], row["store_id"]) for row in await losses(scene)] == [("damaged", "k1")]
    (told,) = await scene.sql("SELECT * FROM cache_autoscaler.decisions WHERE kind = 'damaged'")
    assert told["subject"] == "store/k1"
    assert "the digest is" in told["reason"]
    assert (await scene.reserve("c2")).answer == "fill"


async def test_others_who_read_damaged_bytes_are_refused_more_of_them(scene: Scene) -> None:
    await scene.store()
    await scene.completed(await scene.fill("c1"))
    one, two = await scene.reserve("c2"), await scene.reserve("c3")
    assert one.source is not None
    await scene.bench.handle(ReleaseGrants(grant=one.source.grant, epoch=1, damaged=WRONG))
    with pytest.raises(GrantRefused) as refused:
        await scene.redeem(two, two.source)
    assert refused.value.code == "grant.entry"


async def test_a_cache_that_damages_an_object_twice_is_not_given_it_again(scene: Scene) -> None:
    await scene.store("k1")
    for number in range(2):
        reply = await scene.fill(f"c{number}")
        await damaged(scene, reply)
    reply = await scene.reserve("c9")
    assert (reply.answer, reply.reason) == ("none", "k1: it damaged this object again and again")
    assert (await scene.reserve("c9", "t2")).answer == "fill"
    await scene.store("k2")
    assert (await scene.reserve("c9")).answer == "fill"
    await scene.pass_seconds(2 * 86400)
    await scene.bench.run_timers("forget")
    assert await losses(scene) == []


async def test_giving_a_grant_back_undamaged_keeps_the_entry(scene: Scene) -> None:
    await scene.store()
    reply = await scene.fill("c1")
    assert reply.source is not None
    await scene.bench.handle(ReleaseGrants(grant=reply.source.grant, epoch=1))
    assert await scene.entries() == [("t1", "ready")]


async def test_an_entry_whose_file_vanished_is_filled_anew(scene: Scene) -> None:
    await scene.store()
    await scene.completed(await scene.fill("c1"))
    reply = await scene.reserve("c2")
    assert reply.source is not None
    (scene.folder / "k1" / reply.source.key).unlink()
    with pytest.raises(GrantRefused):
        await scene.redeem(reply, reply.source)
    await scene.intents()
    assert [row["why"] for row in await losses(scene)] == ["vanished"]
    assert (await scene.reserve("c2")).answer == "fill"


async def test_a_copy_moves_off_a_cache_that_fails_and_back_when_it_recovers(scene: Scene) -> None:
    await scene.store()
    reply = await scene.fill("c1")
    (scene.folder / "k1").rename(scene.folder / "away")
    with pytest.raises(Unavailable):
        await scene.redeem(reply, reply.source)
    await scene.intents()
    with pytest.raises(GrantRefused, match="Degraded"):
        await scene.redeem(reply, reply.source)
    assert (await scene.reserve("c1")).answer == "wait"
    (scene.folder / "away").rename(scene.folder / "k1")
    await scene.pass_seconds(11)
    await scene.bench.run_timers("probe-stores")
    await scene.intents()
    assert (await scene.reserve("c1")).answer == "ready"
    kinds = [row["kind"] for row in await scene.sql("SELECT kind FROM cache_autoscaler.decisions")]
    assert "degraded" in kinds
    assert "recovered" in kinds
