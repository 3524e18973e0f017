"""Entries: held, prefetched, dropped when asked, listed, explained."""

from datetime import UTC, datetime, timedelta

from stowage_contracts.caching import Decision, EntryView
from stowage_contracts.messages.cache_autoscaler import (
    DecisionsListed,
    EntriesListed,
    EvictEntry,
    HoldEntry,
    ListDecisions,
    ListEntries,
)

from tests.unit.cache_autoscaler.scene import MIB, Scene


async def listed(scene: Scene, **asked: object) -> EntriesListed:
    reply = await scene.bench.ask(ListEntries(**asked))
    assert isinstance(reply, EntriesListed)
    return reply


async def only(scene: Scene) -> EntryView:
    (entry,) = (await listed(scene)).entries
    return entry


async def told(scene: Scene, subject: str) -> tuple[Decision, ...]:
    reply = await scene.bench.ask(ListDecisions(subject_of=subject))
    assert isinstance(reply, DecisionsListed)
    return reply.decisions


async def pressed(scene: Scene, copy_id: str = "c9") -> str:
    """What a copy hears that needs nearly all of a cache of 10 MiB."""
    reply = await scene.reserve(copy_id, "t9", 8 * MIB)
    await scene.intents()
    return str(reply.answer)


async def filled(scene: Scene, **asked: object) -> EntryView:
    """An idle entry of 4 MiB."""
    await scene.store(room=10 * MIB)
    reply = await scene.fill("c1", "t1", 4 * MIB, **asked)
    await scene.completed(reply)
    return await only(scene)


async def test_a_held_entry_outlives_pressure_until_its_hold_ends(scene: Scene) -> None:
    entry = await filled(scene)
    until = datetime.now(UTC) + timedelta(hours=1)
    await scene.bench.handle(HoldEntry(entry_id=entry.id, until=until))
    assert (await only(scene)).held_until == until
    reply = await scene.reserve("c9", "t9", 8 * MIB)
    assert (reply.answer, reply.reason) == ("wait", "k1: all space is pinned, held or being filled")
    await scene.pass_seconds(3601)
    assert await pressed(scene) == "wait"
    assert await pressed(scene) == "fill"


async def test_a_hold_let_go_makes_it_evictable_again(scene: Scene) -> None:
    entry = await filled(scene)
    until = datetime.now(UTC) + timedelta(hours=1)
    await scene.bench.handle(HoldEntry(entry_id=entry.id, until=until))
    await scene.bench.handle(HoldEntry(entry_id=entry.id))
    await pressed(scene)
    assert await pressed(scene) == "fill"
    assert [d.kind for d in await told(scene, f"entry/{entry.id}")] == ["evict", "hold", "hold"]


async def test_a_prefetch_is_held_from_when_it_is_ready(scene: Scene) -> None:
    await scene.store()
    reply = await scene.reserve("c1", hold_seconds=600.0)
    assert (await only(scene)).held_until is None
    await scene.pass_seconds(50)
    await scene.finish(reply, "t1")
    held = (await only(scene)).held_until
    assert held is not None
    again = await scene.reserve("c2", hold_seconds=3600.0)
    assert again.answer == "ready"
    longer = (await only(scene)).held_until
    assert longer is not None
    assert longer - held > timedelta(minutes=49)
    await scene.reserve("c3", hold_seconds=60.0)
    assert (await only(scene)).held_until == longer


async def test_a_prefetch_names_no_reader_and_takes_any_cache(scene: Scene) -> None:
    await scene.store()
    assert (await scene.reserve("c1", schemes=(), hold_seconds=60.0)).answer == "fill"


async def test_an_evicted_entry_is_gone_even_if_it_was_held(scene: Scene) -> None:
    entry = await filled(scene)
    until = datetime.now(UTC) + timedelta(hours=1)
    await scene.bench.handle(HoldEntry(entry_id=entry.id, until=until))
    await scene.bench.handle(EvictEntry(entry_id=entry.id))
    await scene.intents()
    assert ((await listed(scene)).entries, scene.files()) == ((), [])
    (last, *_) = await told(scene, f"entry/{entry.id}")
    assert (last.kind, last.details["why"]) == ("evict", "asked")


async def test_an_entry_a_copy_needs_is_not_evicted_and_that_is_told(scene: Scene) -> None:
    await scene.store()
    await scene.fill("c1")
    entry = await only(scene)
    assert entry.pinned_by == ("c1",)
    await scene.bench.handle(EvictEntry(entry_id=entry.id))
    (refused,) = await told(scene, f"entry/{entry.id}")
    assert (refused.kind, refused.reason) == ("refused", "it is needed by copy c1")
    assert (await only(scene)).state == "ready"


async def test_entries_are_listed_in_pages_of_one_store_or_all(scene: Scene) -> None:
    await scene.store("k1")
    await scene.store("k2")
    for number in range(5):
        await scene.reserve(f"c{number}", f"t{number}")
    first = await listed(scene, limit=3)
    rest = await listed(scene, limit=3, after=first.next)
    assert (len(first.entries), len(rest.entries), rest.next) == (3, 2, None)
    of_one = (await listed(scene, store_id="k1")).entries
    assert {entry.store_id for entry in of_one} <= {"k1"}
    assert len(of_one) + len((await listed(scene, store_id="k2")).entries) == 5
    (second, third) = first.entries[1:]
    assert (await listed(scene, entry_id=third.id)).entries == (third,)
    assert (await listed(scene, entry_id=second.id, after=third.id)).entries == ()
    assert (await listed(scene, entry_id="ghost")).entries == ()


async def test_a_placement_tells_every_candidate_with_its_rank(scene: Scene) -> None:
    await scene.store("k1")
    await scene.store("k2")
    await scene.store("far", scope=scene.elsewhere)
    reply = await scene.reserve("c1")
    (decision,) = await told(scene, "copy/c1")
    assert decision.reason == reply.reason
    ranked = {row["store_id"]: row["words"] for row in decision.details["ranked"]}
    assert set(ranked) == {"k1", "k2", "far"}
    assert "does not reach the host" in ranked["far"]
    assert "free after it" in ranked["k1"]
    assert decision.details["ranked"][0]["store_id"] == decision.details["store_id"]


async def test_a_copy_that_waits_and_asks_again_is_told_once(scene: Scene) -> None:
    await scene.store()
    await scene.reserve("c1")
    for _ in range(3):
        assert (await scene.reserve("c2")).answer == "wait"
    assert [d.reason for d in await told(scene, "copy/c2")] == ["copy c1 fills it on k1"]


async def test_a_fill_above_the_mark_evicts_at_once(scene: Scene) -> None:
    await scene.store(room=100_000)
    for number in range(3):
        await scene.completed(await scene.fill(f"c{number}", f"t{number}", 30_000))
        await scene.pass_seconds(10)
    reply = await scene.reserve("c9", "t9", 9_000)
    assert reply.answer == "fill"
    states = dict(await scene.entries())
    assert [name for name, state in states.items() if state == "evicting"] == ["t0"]


async def test_a_copy_that_failed_on_a_cache_goes_to_another_or_back(scene: Scene) -> None:
    await scene.store("k1")
    first = await scene.reserve("c1")
    again = await scene.reserve("c1", avoid=("k1",))
    assert (again.answer, again.entry_id == first.entry_id) == ("fill", False)
    await scene.store("k2")
    other = await scene.reserve("c1", avoid=("k1",))
    assert other.destination is not None
    assert other.destination.store_id == "k2"
