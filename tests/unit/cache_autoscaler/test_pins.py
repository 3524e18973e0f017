"""Pins are leases: kept by progress, ended with the copy, lapsing without it; eviction."""

from typing import Any

from stowage_contracts.errors import Unavailable
from stowage_contracts.messages.cache_autoscaler import CacheReserved
from stowage_contracts.messages.data_motion import CopyProgressed
from stowage_contracts.values import Transfer

from tests.unit.cache_autoscaler.scene import MIB, Scene, image


async def sweep(scene: Scene, *names: str) -> None:
    """The clock's work, and what it leads to."""
    await scene.bench.run_timers(*(names or ("sweep", "keep-marks")))
    await scene.intents()


async def progress(scene: Scene, copy_id: str) -> None:
    signal = CopyProgressed(copy_id=copy_id, state="running", transfer=Transfer())
    await scene.bench.hear(signal)


async def pins(scene: Scene) -> list[Any]:
    return await scene.sql("SELECT copy_id FROM cache_autoscaler.pins")


async def test_a_copy_that_moves_keeps_its_fill_for_hours(scene: Scene) -> None:
    await scene.store()
    await scene.reserve("c1")
    for _ in range(5):
        await scene.pass_seconds(50)
        await progress(scene, "c1")
        await sweep(scene)
    assert await scene.entries() == [("t1", "reserved")]


async def test_a_fill_whose_copy_went_silent_is_dropped_with_its_parts(scene: Scene) -> None:
    await scene.store()
    reply = await scene.reserve("c1")
    await scene.write(reply, image("t1")[1])
    await scene.pass_seconds(61)
    await sweep(scene)
    assert (await scene.entries(), scene.files()) == ([], [])
    assert (await scene.reserve("c2")).answer == "fill"


async def test_a_failed_copys_fill_is_dropped_at_once(scene: Scene) -> None:
    await scene.store()
    reply = await scene.reserve("c1")
    await scene.failed(reply, Unavailable("gone").problem)
    await scene.intents()
    assert await scene.entries() == []


async def test_only_the_last_asker_who_leaves_ends_the_fill(scene: Scene) -> None:
    await scene.store()
    reply = await scene.reserve("c1")
    await scene.cancelled(reply, last=False)
    assert await scene.entries() == [("t1", "reserved")]
    await scene.cancelled(reply)
    await scene.intents()
    assert await scene.entries() == []


async def test_a_finished_copy_leaves_its_entry_unpinned(scene: Scene) -> None:
    await scene.store()
    reply = await scene.fill("c1")
    assert len(await pins(scene)) == 1
    await scene.completed(reply)
    assert await pins(scene) == []
    assert await scene.entries() == [("t1", "ready")]


async def filled(scene: Scene, count: int, size: int = 3 * MIB) -> list[CacheReserved]:
    """Entries t0, t1… filled a few seconds apart by copies c0, c1…, which still pin them."""
    replies = []
    for number in range(count):
        replies.append(await scene.fill(f"c{number}", f"t{number}", size))
        await scene.pass_seconds(5)
    return replies


async def test_above_the_high_mark_the_least_valuable_go_down_to_the_low(scene: Scene) -> None:
    await scene.store(room=10 * MIB)
    replies = await filled(scene, 3, 3 * MIB + MIB // 10)
    for reply in replies:
        await scene.completed(reply)
    await scene.reserve("c9", "t0", 3 * MIB + MIB // 10)
    await sweep(scene)
    assert await scene.entries() == [("t0", "ready"), ("t2", "ready")]
    assert len([name for name in scene.files() if name.startswith("cache/")]) == 2
    why = await scene.sql("SELECT reason FROM cache_autoscaler.decisions WHERE kind = 'evict'")
    assert "high-water mark" in why[0]["reason"]


async def test_pinned_entries_stay_however_full_it_is(scene: Scene) -> None:
    await scene.store(room=10 * MIB)
    replies = await filled(scene, 3)
    await sweep(scene)
    assert len(await scene.entries()) == 3
    waiting = await scene.reserve("c9", "t9", 3 * MIB)
    assert (waiting.answer, waiting.reason) == ("wait", "k1: all space is pinned or being filled")
    await scene.completed(replies[1])
    waiting = await scene.reserve("c9", "t9", 3 * MIB)
    assert waiting.answer == "wait"
    assert "1 more entries are evicted" in waiting.reason
    await scene.intents()
    assert (await scene.reserve("c9", "t9", 3 * MIB)).answer == "fill"
    assert [name for name, _ in await scene.entries()] == ["t0", "t2", "t9"]


async def test_space_counts_until_the_store_has_deleted_it(scene: Scene) -> None:
    await scene.store(room=10 * MIB)
    for reply in await filled(scene, 3):
        await scene.completed(reply)
    (scene.folder / "k1").rename(scene.folder / "away")
    assert (await scene.reserve("c9", "t9", 3 * MIB)).answer == "wait"
    await scene.intents()
    assert (await scene.reserve("c9", "t9", 3 * MIB)).answer == "wait"
    assert [state for _, state in await scene.entries()].count("evicting") == 1
    (scene.folder / "away").rename(scene.folder / "k1")
    await scene.pass_seconds(600)
    await sweep(scene, "sweep")
    assert (await scene.reserve("c9", "t9", 3 * MIB)).answer == "fill"
