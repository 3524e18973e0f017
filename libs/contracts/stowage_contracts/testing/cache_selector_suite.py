"""What every CacheSelector must do. Subclass it and give a ``selector`` fixture."""

from itertools import permutations

import pytest

from stowage_contracts.plugins.cache_selector import (
    CacheAsk,
    CacheCandidate,
    CacheChoice,
    CacheSelector,
)
from stowage_contracts.values import Location, Scope, StoreRole, StoreState
from stowage_contracts.views import CacheLoad, StoreView

GIB = 1 << 30
_SCOPES = (Scope.region(), Scope.zone("z1"))


def candidate(
    name: str, free: int, evictable: int = 0, streams: int = 0, holds: bool = False
) -> CacheCandidate:
    """A cache of 100 GiB, with ``free`` and ``evictable`` GiB."""
    store = StoreView(
        id=name,
        name=name,
        provider="directory",
        role=StoreRole.IMAGE_CACHE,
        scope=_SCOPES[1],
        state=StoreState.UP,
        total_bytes=100 * GIB,
        used_bytes=(100 - free) * GIB,
    )
    load = CacheLoad(
        store_id=name, bytes_per_second=streams * 1e8, shown_bytes_per_second=1e9, streams=streams
    )
    return CacheCandidate(store=store, load=load, evictable_bytes=evictable * GIB, holds=holds)


class CacheSelectorSuite:
    """Every behaviour a selector promises."""

    @pytest.fixture
    def asks(self) -> list[CacheAsk]:
        """Roomy, full, busy and holding caches, in threes."""
        every = (
            candidate("roomy", 90),
            candidate("tight", 11, 40),
            candidate("full", 0, 5),
            candidate("busy", 60, 0, 9),
            candidate("holder", 1, 0, 5, holds=True),
        )
        return [
            CacheAsk(size=10 * GIB, location=Location(zone_id="z1"), candidates=three)
            for three in permutations(every, 3)
        ]

    def test_it_has_a_name(self, selector: CacheSelector) -> None:
        assert selector.name.strip()

    def test_it_chooses_a_cache_where_the_object_fits_or_none(
        self, selector: CacheSelector, asks: list[CacheAsk]
    ) -> None:
        for ask in asks:
            choice = selector.select(ask)
            fitting = {one.store.id for one in ask.candidates if _fits(one, ask.size)}
            assert choice.store_id in fitting

    def test_nothing_fits_means_none_with_a_reason(self, selector: CacheSelector) -> None:
        location = Location(zone_id="z1")
        for candidates in ((), (candidate("full", 0, 5), candidate("tight", 9))):
            ask = CacheAsk(size=10 * GIB, location=location, candidates=candidates)
            choice = selector.select(ask)
            assert choice.store_id is None
            assert choice.reason.strip()

    def test_every_choice_gives_a_reason(
        self, selector: CacheSelector, asks: list[CacheAsk]
    ) -> None:
        for ask in asks:
            assert selector.select(ask).reason.strip()

    def test_the_same_ask_gets_the_same_choice_in_any_order(
        self, selector: CacheSelector, asks: list[CacheAsk]
    ) -> None:
        for ask in asks:
            turned = ask.model_copy(update={"candidates": ask.candidates[::-1]})
            assert _chosen(selector, turned) == _chosen(selector, ask)

    def test_what_is_ranked_is_every_candidate_with_words_the_chosen_first(
        self, selector: CacheSelector, asks: list[CacheAsk]
    ) -> None:
        """Or nothing at all: ranks are for people to read."""
        for ask in asks:
            choice = selector.select(ask)
            if not choice.ranked:
                continue
            assert choice.ranked[0][0] == choice.store_id
            assert {store_id for store_id, _ in choice.ranked} == {
                one.store.id for one in ask.candidates
            }
            assert all(words.strip() for _, words in choice.ranked)

    def test_the_same_bytes_meet_the_same_cache(self, selector: CacheSelector) -> None:
        alike = tuple(candidate(name, 50) for name in "abcd")
        for number in range(20):
            ask = CacheAsk(
                size=GIB,
                location=Location(zone_id="z1"),
                digest=f"sha256:{number:064x}",
                candidates=alike,
            )
            turned = ask.model_copy(update={"candidates": alike[::-1]})
            assert _chosen(selector, turned).store_id == _chosen(selector, ask).store_id

    def test_a_cache_that_holds_the_object_comes_first(self, selector: CacheSelector) -> None:
        roomy, holder = candidate("a-roomy", 90), candidate("holder", 1, holds=True)
        ask = CacheAsk(size=10 * GIB, location=Location(), candidates=(roomy, holder))
        assert _chosen(selector, ask).store_id == "holder"

    def test_of_equal_caches_the_idle_one_comes_before_the_busy_one(
        self, selector: CacheSelector
    ) -> None:
        busy, idle = candidate("a-busy", 50, 0, 9), candidate("idle", 50)
        ask = CacheAsk(size=10 * GIB, location=Location(), candidates=(busy, idle))
        assert _chosen(selector, ask).store_id == "idle"


def _fits(one: CacheCandidate, size: int) -> bool:
    free = (one.store.total_bytes or 0) - (one.store.used_bytes or 0)
    return one.holds or size <= free + one.evictable_bytes


def _chosen(selector: CacheSelector, ask: CacheAsk) -> CacheChoice:
    return selector.select(ask)
