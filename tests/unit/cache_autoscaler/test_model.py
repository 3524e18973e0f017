"""Placement and eviction whatever the caches hold: promises never exceed room, pins hold."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from cache_autoscaler.model.entries import Cache, Entry, EntryState, Totals
from cache_autoscaler.model.evicting import surplus, victims
from cache_autoscaler.model.placing import Wanted, place
from cache_autoscaler.selectors.fitting import Fitting
from hypothesis import given, settings
from hypothesis import strategies as st
from stowage_contracts.errors import Conflict
from stowage_contracts.plugins.cache_selector import CacheAsk, CacheChoice
from stowage_contracts.values import Location, Scope, StoreRole, StoreState
from stowage_contracts.views import CacheLoad, StoreView

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HERE = Location(zone_id="z1", host_id="h1")
SELECTOR = Fitting()
FILLS = (EntryState.RESERVED, EntryState.FILLING)


def named(name: str) -> str:
    return f"sha256:{sha256(name.encode()).hexdigest()}"


def entry(number: int, size: int = 10, **changes: object) -> Entry:
    told: dict[str, object] = {
        "id": f"e{number}",
        "digest": named(f"d{number}"),
        "format": "raw",
        "size": size,
        "state": EntryState.READY,
        "pinned": False,
        "fill_copy": f"c{number}",
        "hits": 0,
        "last_used": NOW - timedelta(minutes=number + 1),
    }
    return Entry(**(told | changes))  # type: ignore[arg-type]


def cache(name: str = "k1", limit: int = 100, *entries: Entry, **changes: object) -> Cache:
    view = StoreView(
        id=name,
        name=name,
        provider="directory",
        role=StoreRole.IMAGE_CACHE,
        scope=Scope.zone("z1"),
        state=StoreState.UP,
        total_bytes=limit,
        reserved_bytes=sum(e.size for e in entries if e.state in FILLS),
    ).model_copy(update=changes)
    load = CacheLoad(store_id=name)
    totals = Totals.of(entries, NOW)
    return Cache(view, load, ("file",), f"/caches/{name}", limit, totals, entries)


def wanted(size: int = 10, digest: str = "new", **changes: object) -> Wanted:
    told: dict[str, object] = {
        "copy_id": "c",
        "digest": named(digest),
        "format": "raw",
        "size": size,
        "location": HERE,
        "schemes": ("file", "http"),
    }
    return Wanted(**(told | changes))  # type: ignore[arg-type]


ENTRIES = st.lists(
    st.builds(
        entry,
        st.integers(0, 30),
        st.integers(0, 40),
        state=st.sampled_from(EntryState),
        pinned=st.booleans(),
        hits=st.integers(0, 5),
    ),
    max_size=8,
    unique_by=lambda one: one.id,
)


@st.composite
def some_caches(draw: st.DrawFn) -> list[Cache]:
    """Caches that hold no more than their limit."""
    made = []
    for number in range(draw(st.integers(0, 3))):
        inside = draw(ENTRIES)
        limit = sum(one.size for one in inside) + draw(st.integers(0, 60))
        made.append(cache(f"k{number}", limit, *inside))
    return made


@settings(deadline=None)
@given(some_caches(), st.integers(0, 120), st.integers(0, 31))
def test_every_ask_is_answered_and_no_cache_is_promised_beyond_its_room(
    caches: list[Cache], size: int, digest: int
) -> None:
    placed = place(wanted(size, f"d{digest}"), caches, SELECTOR, NOW)
    by_id = {one.view.id: one for one in caches}
    assert placed.reason
    if placed.answer == "none":
        assert all(size > one.limit for one in caches)
        return
    assert placed.store_id is not None
    chosen = by_id[placed.store_id]
    if placed.answer == "fill":
        assert chosen.taken + size <= chosen.limit
    evicted = [one for one in chosen.entries if one.id in placed.evict]
    assert all(one.evictable(NOW) for one in evicted)
    if placed.evict:
        assert chosen.free + chosen.totals.going + sum(one.size for one in evicted) >= size


@settings(deadline=None)
@given(some_caches(), st.integers(0, 120), st.integers(0, 31))
def test_sums_and_one_whole_cache_say_what_all_entries_say(
    caches: list[Cache], size: int, digest: int
) -> None:
    ask = wanted(size, f"d{digest}")
    marked = [replace(one, high=0.9, low=0.5) for one in caches]
    alike = [
        replace(one, entries=tuple(e for e in one.entries if e.digest == ask.digest), whole=False)
        for one in marked
    ]
    placed = place(ask, alike, SELECTOR, NOW)
    if placed.part_of:
        known = {one.view.id: one for one in marked}
        one = placed.part_of
        alike = [known[one] if cache.view.id == one else cache for cache in alike]
        placed = place(ask, alike, SELECTOR, NOW)
    assert placed == place(ask, marked, SELECTOR, NOW)


@settings(deadline=None)
@given(ENTRIES, st.integers(0, 200))
def test_pinned_and_unfinished_entries_are_never_victims(entries: list[Entry], need: int) -> None:
    taken = victims(entries, need, NOW)
    assert all(one.state is EntryState.READY and not one.pinned for one in taken)
    possible = sum(one.size for one in entries if one.evictable(NOW))
    assert (sum(one.size for one in taken) >= need) == (possible >= need)


@settings(deadline=None)
@given(ENTRIES, st.floats(0.5, 1), st.floats(0.1, 0.5))
def test_a_cache_above_its_mark_comes_as_low_as_pins_let(
    entries: list[Entry], high: float, low: float
) -> None:
    full = cache("k1", max(1, sum(one.size for one in entries)), *entries)
    gone = surplus(replace(full, high=high, low=low), NOW)
    assert all(one.evictable(NOW) for one in gone)
    if gone:
        left = [one for one in entries if one not in gone and one.state != "evicting"]
        held = sum(one.size for one in left)
        assert held <= full.limit * low or not any(one.evictable(NOW) and one.size for one in left)


def test_room_on_its_way_out_is_waited_for_without_evicting_more() -> None:
    going = entry(1, 50, state=EntryState.EVICTING)
    placed = place(wanted(50), [cache("k1", 100, going, entry(2, 50))], SELECTOR, NOW)
    assert (placed.answer, placed.evict) == ("wait", ())


def test_below_the_high_mark_nothing_is_evicted() -> None:
    assert surplus(replace(cache("k1", 100, entry(1, 80)), high=0.9, low=0.5), NOW) == ()


def test_the_least_used_and_longest_idle_goes_first() -> None:
    often = entry(1, hits=9, last_used=NOW - timedelta(hours=2))
    old = entry(2, last_used=NOW - timedelta(hours=1))
    fresh = entry(3, last_used=NOW - timedelta(minutes=1))
    assert victims([fresh, often, old], 10, NOW) == (old,)
    assert victims([fresh, often, old], 11, NOW) == (old, often)


def test_a_ready_entry_is_read_and_a_filling_one_is_waited_for() -> None:
    ready = place(wanted(digest="d1"), [cache("k1", 100, entry(1))], SELECTOR, NOW)
    assert (ready.answer, ready.entry_id) == ("ready", "e1")
    busy = cache("k1", 100, entry(1, state=EntryState.FILLING))
    assert place(wanted(digest="d1"), [busy], SELECTOR, NOW).answer == "wait"
    mine = place(wanted(digest="d1", copy_id="c1"), [busy], SELECTOR, NOW)
    assert (mine.answer, mine.entry_id) == ("fill", "e1")


def test_an_evicting_entry_is_not_read_again() -> None:
    going = cache("k1", 100, entry(1, state=EntryState.EVICTING))
    placed = place(wanted(digest="d1"), [going], SELECTOR, NOW)
    assert (placed.answer, placed.entry_id) == ("fill", None)


def test_another_format_of_the_same_bytes_is_another_entry() -> None:
    placed = place(wanted(digest="d1", format="qcow2"), [cache("k1", 100, entry(1))], SELECTOR, NOW)
    assert placed.answer == "fill"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"location": Location(zone_id="z2")}, "does not reach"),
        ({"schemes": ("http",)}, "cannot read"),
        ({"roots": ("/other",)}, "does not see"),
    ],
)
def test_a_cache_the_host_cannot_use_is_no_cache_and_says_why(
    changes: dict[str, object], why: str
) -> None:
    placed = place(wanted(**changes), [cache()], SELECTOR, NOW)  # type: ignore[arg-type]
    assert placed.answer == "none"
    assert why in placed.reason


@pytest.mark.parametrize("state", [s for s in StoreState if s is not StoreState.UP])
def test_only_a_store_that_is_up_takes_entries(state: StoreState) -> None:
    placed = place(wanted(), [cache(state=state)], SELECTOR, NOW)
    assert placed.answer == ("wait" if state is StoreState.DEGRADED else "none")
    assert placed.useless == frozenset()


def test_roots_above_the_cache_see_it() -> None:
    assert place(wanted(roots=("/caches",)), [cache()], SELECTOR, NOW).answer == "fill"


def test_a_full_cache_of_pins_means_wait_and_too_large_means_none() -> None:
    full = cache("k1", 100, entry(1, 95, pinned=True))
    assert place(wanted(10), [full], SELECTOR, NOW).answer == "wait"
    assert place(wanted(101), [full], SELECTOR, NOW).answer == "none"


def test_a_selector_that_names_a_foreign_store_is_refused() -> None:
    class Wrong:
        name = "wrong"

        def select(self, ask: CacheAsk) -> CacheChoice:
            return CacheChoice(store_id="nobody", reason="just so")

    with pytest.raises(Conflict):
        place(wanted(), [cache()], Wrong(), NOW)
