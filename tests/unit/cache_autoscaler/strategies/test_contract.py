"""The built-in strategies, and a foreign one, keep the contract."""

import pytest
from cache_autoscaler.strategies.backlog import BacklogStrategy
from cache_autoscaler.strategies.forecast import ForecastStrategy
from cache_autoscaler.strategies.threshold import ThresholdStrategy
from stowage_contracts.plugins.autoscale_strategy import AutoscaleAsk
from stowage_contracts.testing.autoscale_suite import AutoscaleSuite
from stowage_contracts.views import DesiredCount
from stowage_runtime import plugins


class TestThreshold(AutoscaleSuite):
    @pytest.fixture
    def strategy(self) -> ThresholdStrategy:
        return ThresholdStrategy()


class TestBacklog(AutoscaleSuite):
    @pytest.fixture
    def strategy(self) -> BacklogStrategy:
        return BacklogStrategy()


class TestForecast(AutoscaleSuite):
    @pytest.fixture
    def strategy(self) -> ForecastStrategy:
        return ForecastStrategy()


class Acme:
    """A stranger's: one more when more than four fifths are busy, none when nothing moves."""

    name = "acme"

    def desired(self, ask: AutoscaleAsk) -> DesiredCount:
        """Grow by one, or go."""
        busy = sum(min(1.0, load.bytes_per_second / 1e9) for load in ask.loads)
        wanted = ask.current + 1 if busy >= 0.8 * ask.current and busy > 0 else ask.current
        if busy < 0.4 * ask.current:
            wanted = int(busy / 0.79) + (busy > 0)
        if ask.backlog_bytes:
            wanted = max(wanted, 1)
        limits = ask.limits
        count = min(max(wanted, limits.minimum), limits.maximum)
        return DesiredCount(count=count, reason=f"{busy:.1f} are busy", strategy=self.name)


class TestAForeignOne(AutoscaleSuite):
    @pytest.fixture
    def strategy(self) -> Acme:
        return Acme()


@pytest.mark.parametrize("name", ["threshold", "backlog", "forecast"])
def test_they_are_found_by_entry_point(name: str) -> None:
    found = plugins.load("stowage.autoscale_strategy", plugins.instance).pick(name)
    assert found.name == name
