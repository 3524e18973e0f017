"""The built-in policies keep their contracts, and are found like a stranger's."""

import pytest
from cache_autoscaler.model.pressure import BACKLOG_SECONDS, Marks, utilisation
from cache_autoscaler.selectors.fitting import Fitting
from cache_autoscaler.strategies.threshold import ThresholdStrategy
from stowage_contracts.plugins.cache_selector import CacheAsk
from stowage_contracts.testing.autoscale_suite import SHOWN, ask, loads
from stowage_contracts.testing.cache_selector_suite import GIB, CacheSelectorSuite, candidate
from stowage_contracts.values import Location
from stowage_contracts.views import CacheLoad
from stowage_runtime import plugins


class TestFitting(CacheSelectorSuite):
    @pytest.fixture
    def selector(self) -> Fitting:
        return Fitting()


def test_they_are_found_by_entry_point() -> None:
    selectors = plugins.load("stowage.cache_selector", plugins.instance)
    strategies = plugins.load("stowage.autoscale_strategy", plugins.instance)
    assert selectors.pick("fitting").name == "fitting"
    assert strategies.pick("threshold").name == "threshold"


def test_much_more_room_wins_over_less_load() -> None:
    busy, idle = candidate("busy", 90, 0, 4), candidate("idle", 20)
    chosen = Fitting().select(CacheAsk(size=10 * GIB, location=Location(), candidates=(busy, idle)))
    assert chosen.store_id == "busy"


def test_room_without_eviction_wins() -> None:
    evicts, has = candidate("evicts", 5, 90), candidate("has", 11)
    chosen = Fitting().select(
        CacheAsk(size=10 * GIB, location=Location(), candidates=(evicts, has))
    )
    assert chosen.store_id == "has"


def test_one_fast_reader_is_no_load_but_four_are() -> None:
    alone = CacheLoad(store_id="k", bytes_per_second=1e9, shown_bytes_per_second=1e9, streams=1)
    assert utilisation(alone) == 0.25
    assert utilisation(alone.model_copy(update={"streams": 4})) == 1


def test_an_idle_cache_with_a_long_backlog_is_loaded() -> None:
    (load,) = loads(1, 0.0, backlog=int(SHOWN * BACKLOG_SECONDS))
    assert utilisation(load) == 1
    assert utilisation(CacheLoad(store_id="k", backlog_bytes=1 << 50)) == 0


def test_the_marks_have_hysteresis() -> None:
    marks = Marks(high=0.8, low=0.3)
    seen, high = [], False
    for load in (0.0, 0.5, 0.79, 0.8, 0.5, 0.31, 0.3, 0.5, 0.9):
        high = marks.next(high, load)
        seen.append(high)
    assert seen == [False, False, False, True, True, True, False, False, True]


def test_a_limit_that_holds_is_in_the_reason() -> None:
    desired = ThresholdStrategy().desired(ask(2, 1.0, maximum=2))
    assert desired.count == 2
    assert "limits" in desired.reason
