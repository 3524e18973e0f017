"""Which cache a copy is given: what counts, in which order, and that the same bytes meet."""

from collections import Counter
from dataclasses import replace

import pytest
from cache_autoscaler.model.entries import EntryState
from cache_autoscaler.model.placing import place
from cache_autoscaler.selectors.fitting import Fitting
from stowage_contracts.plugins.cache_selector import CacheAsk, CacheCandidate, CacheChoice
from stowage_contracts.testing.cache_selector_suite import GIB, candidate
from stowage_contracts.values import Location, Scope

from tests.unit.cache_autoscaler.test_model import NOW, SELECTOR, cache, entry, named, wanted


def choose(*candidates: CacheCandidate, size: int = 10, digest: str | None = None) -> CacheChoice:
    ask = CacheAsk(size=size * GIB, location=Location(), digest=digest, candidates=candidates)
    return Fitting().select(ask)


def scoped(one: CacheCandidate, scope: Scope) -> CacheCandidate:
    return one.model_copy(update={"store": one.store.model_copy(update={"scope": scope})})


def slow(one: CacheCandidate, seconds: float) -> CacheCandidate:
    load = one.load.model_copy(update={"latency_seconds": seconds})
    return one.model_copy(update={"load": load})


CLUSTER = Scope.model_validate({"type": "cluster", "id": "c1", "zone_id": "z1"})


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (candidate("b-holder", 0, 0, 9, holds=True), candidate("a-roomy", 90)),
        (candidate("b-room", 30, 0, 9), candidate("a-evicts", 5, 80)),
        (candidate("b-idle", 20), candidate("a-loaded", 90, 0, 9)),
        (scoped(candidate("b-near", 20), CLUSTER), candidate("a-roomy", 90)),
        (candidate("b-quick", 50), slow(candidate("a-slow", 50), 0.5)),
        (candidate("b-roomy", 80), candidate("a-tight", 20)),
    ],
    ids=["content", "room", "load", "scope", "latency", "free"],
)
def test_what_counts_comes_in_order(better: CacheCandidate, worse: CacheCandidate) -> None:
    better = slow(better, 0.05) if better.store.id == "b-quick" else better
    choice = choose(better, worse)
    assert choice.store_id == better.store.id
    assert [store_id for store_id, _ in choice.ranked] == [better.store.id, worse.store.id]
    assert all(words for _, words in choice.ranked)


def test_the_same_bytes_meet_the_same_cache_and_different_bytes_spread() -> None:
    four = [candidate(f"k{n}", 60) for n in range(4)]
    homes = {name: choose(*four, digest=named(name)).store_id for name in map(str, range(400))}
    for name in list(homes)[:20]:
        assert choose(*four[::-1], digest=named(name)).store_id == homes[name]
    counted = Counter(homes.values())
    assert len(counted) == 4
    assert min(counted.values()) > 60


def test_a_cache_that_comes_takes_some_and_moves_no_other_home() -> None:
    three = [candidate(f"k{n}", 60) for n in range(3)]
    more = [*three, candidate("k3", 60)]
    for number in range(100):
        before = choose(*three, digest=named(str(number))).store_id
        assert choose(*more, digest=named(str(number))).store_id in {before, "k3"}


def test_a_fuller_cache_is_home_to_fewer() -> None:
    two = [candidate("full", 20), candidate("empty", 100)]
    homes = [choose(*two, digest=named(str(number))).store_id for number in range(300)]
    assert homes.count("full") < homes.count("empty") / 4


def test_one_holder_at_its_limit_gets_company_where_another_is_idle() -> None:
    holder = cache("k1", 100, entry(1))
    load = holder.load.model_copy(
        update={"bytes_per_second": 1e9, "shown_bytes_per_second": 1e9, "streams": 8}
    )
    busy = replace(holder, load=load)
    ask = wanted(digest="d1", copy_id="c9")
    assert place(ask, [busy], SELECTOR, NOW).answer == "ready"
    placed = place(ask, [busy, cache("k2", 100)], SELECTOR, NOW)
    assert (placed.answer, placed.store_id) == ("fill", "k2")
    full = cache("k2", 100, entry(2, 95))
    assert place(ask, [busy, full], SELECTOR, NOW).answer == "ready"
    filling = cache("k2", 100, entry(1, state=EntryState.FILLING))
    assert place(ask, [busy, filling], SELECTOR, NOW).answer == "ready"


def test_what_was_dear_to_fill_is_worth_more_than_what_was_cheap() -> None:
    cheap, dear = entry(1, 10, fill_seconds=1.0), entry(1, 10, fill_seconds=60.0)
    assert dear.worth(NOW) > cheap.worth(NOW)
    assert entry(1, 10**10).worth(NOW) < entry(1, 10**6).worth(NOW)
