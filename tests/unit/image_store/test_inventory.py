"""What is on a store and what should be: told exactly, removed late, mended early."""

from datetime import UTC, datetime, timedelta

import pytest
from image_store.model.inventory import Known, Suspect, compare, confirm, holds, removable
from stowage_contracts.catalogue import FindingKind
from stowage_contracts.messages.image_store import (
    ChangeStore,
    CleanStore,
    DeleteTemplate,
    ListFindings,
    ReplicaDamaged,
)
from stowage_contracts.plugins.image_store_driver import ObjectStat, OpenWrite
from stowage_contracts.values import ReplicaState

from tests.unit.image_store.lab import LabProvider
from tests.unit.image_store.scene import Scene
from tests.unit.image_store.shelves import Shelves

DAY = 86400.0
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("state", list(ReplicaState))
def test_only_a_ready_replica_is_expected_to_have_its_size(state: ReplicaState) -> None:
    known = {"a": Known("r", state, 10)}
    found = compare([ObjectStat(key="a", size=9)], known, ())
    ready = state is ReplicaState.READY
    assert [suspect.kind for suspect in found] == ([FindingKind.MISMATCHED] if ready else [])


def test_what_is_being_deleted_is_never_reported() -> None:
    stat = ObjectStat(key="a", size=9)
    assert compare([stat], {}, {"a"}) == []
    assert compare([stat], {"a": Known("r", ReplicaState.READY, 10)}, {"a"}) == []
    orphan = Suspect(FindingKind.ORPHAN, "a", 9)
    assert not holds(orphan, {}, {"a"})
    assert not holds(orphan, {"a": Known("r", ReplicaState.CREATING, None)}, ())
    assert holds(orphan, {}, ())


def test_a_second_look_decides() -> None:
    missing = Suspect(FindingKind.MISSING, "a", None, "r")
    orphan = Suspect(FindingKind.ORPHAN, "a", 9)
    there = ObjectStat(key="a", size=9)
    assert confirm(orphan, None, None) is None
    assert confirm(orphan, there, None) == orphan
    assert confirm(missing, None, 9) == missing
    assert confirm(missing, there, 9) is None
    mismatched = confirm(missing, there, 10)
    assert mismatched is not None
    assert mismatched.kind is FindingKind.MISMATCHED


@pytest.mark.parametrize("kind", list(FindingKind))
@pytest.mark.parametrize(("sightings", "age"), [(1, 2 * DAY), (2, DAY - 1), (2, DAY), (9, DAY)])
def test_only_bytes_nobody_owns_go_and_only_after_two_sightings_and_a_grace(
    kind: FindingKind, sightings: int, age: float
) -> None:
    may = removable(kind, sightings, NOW - timedelta(seconds=age), (NOW, DAY))
    ownerless = kind in {FindingKind.ORPHAN, FindingKind.OPEN_WRITE}
    assert may == (ownerless and sightings > 1 and age >= DAY)


@pytest.fixture
def shelves(scene: Scene, lab: LabProvider) -> Shelves:
    return Shelves(scene, lab)


async def test_every_kind_of_difference_is_told_exactly(shelves: Shelves) -> None:
    await shelves.begin()
    whole = await shelves.ready("t1")
    gone = await shelves.ready("t2")
    short = await shelves.ready("t3")
    making = await shelves.requested("t4")
    shelves.lab.put(str(making.destination.key), b"half")
    shelves.lab.put("zzz/foreign", b"?")
    shelves.lab.put(short, b"longer than before")
    del shelves.lab.shelves["lab"].objects[gone]
    live = str(making.destination.key)
    shelves.lab.diary.writes = [
        OpenWrite(key="old/write", session="u1", size=7),
        OpenWrite(key=live, session="u2"),
    ]
    view = await shelves.scan()
    assert view.inventory is not None
    assert view.inventory.objects == 4
    told = {(one.kind, one.key) for one in (await shelves.findings()).findings}
    assert told == {
        (FindingKind.ORPHAN, "zzz/foreign"),
        (FindingKind.MISSING, gone),
        (FindingKind.MISMATCHED, short),
        (FindingKind.OPEN_WRITE, "old/write"),
    }
    assert whole not in {key for _, key in told}
    found = view.inventory
    assert (found.orphans, found.missing, found.mismatched, found.open_writes) == (1, 1, 1, 1)


async def test_a_store_that_is_as_it_should_be_has_no_findings(shelves: Shelves) -> None:
    await shelves.begin()
    await shelves.ready("t1")
    await shelves.ready("t2")
    await shelves.scene.bench.handle(DeleteTemplate(template_id="t2"))
    view = await shelves.scan(2)
    assert view.inventory is not None
    assert (await shelves.findings()).findings == ()


async def test_what_is_not_seen_again_is_dropped(shelves: Shelves) -> None:
    await shelves.begin()
    shelves.lab.put("foreign", b"?")
    await shelves.scan()
    assert len((await shelves.findings()).findings) == 1
    del shelves.lab.shelves["lab"].objects["foreign"]
    view = await shelves.scan()
    assert (await shelves.findings()).findings == ()
    assert view.inventory is not None
    assert view.inventory.orphans == 0


async def test_a_missing_replica_is_damaged_at_the_second_sighting(shelves: Shelves) -> None:
    await shelves.begin()
    key = await shelves.ready()
    del shelves.lab.shelves["lab"].objects[key]
    await shelves.scan()
    assert await shelves.scene.bench.said(ReplicaDamaged) == []
    await shelves.scan()
    (damaged,) = await shelves.scene.bench.said(ReplicaDamaged)
    assert isinstance(damaged, ReplicaDamaged)
    assert damaged.error.code == "not_found.missing"
    assert [r.state for r in (await shelves.template()).replicas] == [ReplicaState.FAILED]
    await shelves.scan(2)
    assert len(await shelves.scene.bench.said(ReplicaDamaged)) == 1


async def test_an_orphan_goes_only_when_named_seen_twice_and_old(shelves: Shelves) -> None:
    await shelves.begin()
    shelves.lab.put("foreign", b"?")
    await shelves.scan()
    (found,) = (await shelves.findings()).findings
    clean = CleanStore(store_id="s1", finding_ids=(found.id, "unknown"))
    for wait in (0.0, DAY + 1):
        await shelves.scene.bench.handle(clean)
        await shelves.settle()
        view = await shelves.view()
        assert view.error is not None
        assert view.error.code == "conflict.finding"
        assert "foreign" in shelves.lab.shelves["lab"].objects
        await shelves.scene.pass_seconds(wait)
        if not wait:
            await shelves.scan()
    (old,) = (await shelves.findings()).findings
    assert (old.sightings, old.removable) == (2, True)
    await shelves.scene.bench.handle(clean)
    await shelves.settle()
    assert shelves.lab.shelves["lab"].objects == {}
    assert (await shelves.findings()).findings == ()


async def test_a_finding_that_became_another_object_is_kept(shelves: Shelves) -> None:
    await shelves.begin()
    shelves.lab.put("foreign", b"?")
    await shelves.scan(2)
    await shelves.scene.pass_seconds(DAY + 1)
    (found,) = (await shelves.findings()).findings
    shelves.lab.put("foreign", b"something else")
    await shelves.scene.bench.handle(CleanStore(store_id="s1", finding_ids=(found.id,)))
    await shelves.settle()
    assert "foreign" in shelves.lab.shelves["lab"].objects
    view = await shelves.view()
    assert view.error is not None
    assert view.error.code == "conflict.finding"


async def test_unfinished_writes_of_nobody_are_given_up_after_their_grace(shelves: Shelves) -> None:
    await shelves.begin()
    making = await shelves.requested()
    live = OpenWrite(key=str(making.destination.key), session="live")
    shelves.lab.diary.writes = [live, OpenWrite(key="old", session="dead")]
    await shelves.scan(2)
    assert len(shelves.lab.diary.writes) == 2
    await shelves.scene.pass_seconds(DAY + 1)
    await shelves.scan()
    assert shelves.lab.diary.writes == [live]
    view = await shelves.scan()
    assert view.inventory is not None
    assert view.inventory.open_writes == 0


async def test_a_named_write_that_nobody_makes_is_given_up_where_an_object_stands(
    shelves: Shelves,
) -> None:
    await shelves.begin()
    key = await shelves.ready()
    shelves.lab.diary.writes = [OpenWrite(key=key, session="late")]
    await shelves.scan(2)
    (found,) = (await shelves.findings()).findings
    await shelves.scene.pass_seconds(DAY + 1)
    await shelves.scene.bench.handle(CleanStore(store_id="s1", finding_ids=(found.id,)))
    await shelves.settle()
    assert shelves.lab.diary.writes == []
    assert key in shelves.lab.shelves["lab"].objects


async def test_findings_are_read_in_pages(shelves: Shelves) -> None:
    await shelves.begin()
    for number in range(7):
        shelves.lab.put(f"foreign/{number}", b"?")
    await shelves.scan()
    seen, after = list[str](), ""
    while page := await _page(shelves, after):
        seen += page
        after = page[-1]
    assert len(seen) == len(set(seen)) == 7
    assert seen == sorted(seen)


async def _page(shelves: Shelves, after: str) -> list[str]:
    reply = await shelves.scene.bench.ask(ListFindings(store_id="s1", after=after, limit=3))
    return [one.id for one in reply.findings]  # type: ignore[attr-defined]


async def test_more_than_a_page_of_objects_is_compared(shelves: Shelves) -> None:
    await shelves.begin()
    keys = [await shelves.ready(f"t{number}") for number in (1, 2, 3)]
    for number in range(1100):
        shelves.lab.put(f"aaa/{number:04}", b"?")
        shelves.lab.put(f"zzz/{number:04}", b"?")
    del shelves.lab.shelves["lab"].objects[keys[1]]
    view = await shelves.scan()
    assert view.inventory is not None
    found = view.inventory
    assert (found.objects, found.orphans, found.missing) == (2202, 2200, 1)


async def test_stores_are_scanned_by_the_clock_but_not_at_once(shelves: Shelves) -> None:
    await shelves.begin()
    await shelves.scene.bench.run_timers("scan-stores")
    assert await shelves.scene.bench.intents("scan") == []
    await shelves.scene.pass_seconds(DAY + 1)
    await shelves.scene.bench.run_timers("scan-stores")
    assert len(await shelves.scene.bench.intents("scan")) == 1


async def test_a_disabled_store_is_not_scanned_and_says_so(shelves: Shelves) -> None:
    await shelves.begin()
    await shelves.scene.bench.handle(ChangeStore(store_id="s1", state="Disabled"))
    await shelves.settle()
    view = await shelves.scan()
    assert view.error is not None
    assert view.error.code == "conflict.state"
