"""What every AutoscaleStrategy must do. Subclass it and give a ``strategy`` fixture."""

import pytest

from stowage_contracts.plugins.autoscale_strategy import (
    AutoscaleAsk,
    AutoscaleLimits,
    AutoscaleStrategy,
)
from stowage_contracts.views import CacheLoad

SHOWN = 1e9


def loads(count: int, share: float, backlog: int = 0) -> tuple[CacheLoad, ...]:
    """Caches that carry ``share`` of what they have shown, with many streams."""
    return tuple(
        CacheLoad(
            store_id=f"k{number}",
            bytes_per_second=share * SHOWN,
            shown_bytes_per_second=SHOWN,
            streams=16,
            backlog_bytes=backlog,
        )
        for number in range(count)
    )


def ask(count: int, share: float, minimum: int = 0, maximum: int = 20) -> AutoscaleAsk:
    """``count`` caches, all equally loaded."""
    limits = AutoscaleLimits(minimum=minimum, maximum=maximum)
    return AutoscaleAsk(loads=loads(count, share), current=count, limits=limits)


class AutoscaleSuite:
    """Every behaviour a strategy promises."""

    @pytest.fixture
    def asks(self) -> list[AutoscaleAsk]:
        """Idle to overloaded fleets of no, one and several caches, within different limits."""
        return [
            ask(count, share, minimum, maximum)
            for count in (0, 1, 2, 5)
            for share in (0.0, 0.2, 0.5, 0.79, 0.8, 1.0)
            for minimum, maximum in ((0, 1), (0, 20), (2, 3))
        ]

    def test_it_has_a_name_and_signs_with_it(
        self, strategy: AutoscaleStrategy, asks: list[AutoscaleAsk]
    ) -> None:
        assert strategy.name.strip()
        assert {strategy.desired(one).strategy for one in asks} == {strategy.name}

    def test_it_stays_within_the_limits_and_says_why(
        self, strategy: AutoscaleStrategy, asks: list[AutoscaleAsk]
    ) -> None:
        for one in asks:
            desired = strategy.desired(one)
            assert one.limits.minimum <= desired.count <= one.limits.maximum
            assert desired.reason.strip()

    def test_the_same_ask_gets_the_same_answer(
        self, strategy: AutoscaleStrategy, asks: list[AutoscaleAsk]
    ) -> None:
        for one in asks:
            assert strategy.desired(one) == strategy.desired(one)

    def test_more_load_never_wants_fewer(self, strategy: AutoscaleStrategy) -> None:
        for count in (1, 2, 5):
            wanted = [strategy.desired(ask(count, share / 20)).count for share in range(21)]
            assert wanted == sorted(wanted)

    def test_full_load_wants_more_and_idleness_wants_fewer(
        self, strategy: AutoscaleStrategy
    ) -> None:
        assert strategy.desired(ask(2, 1.0)).count > 2
        assert strategy.desired(ask(2, 0.0)).count < 2

    def test_between_the_marks_nothing_changes(self, strategy: AutoscaleStrategy) -> None:
        for count in (1, 3):
            assert strategy.desired(ask(count, 0.5)).count == count

    def test_what_it_wanted_is_enough_for_it(self, strategy: AutoscaleStrategy) -> None:
        """The same bytes spread over the fleet it asked for ask for no other fleet."""
        for count, share in ((2, 1.0), (4, 0.1), (5, 0.9)):
            wanted = strategy.desired(ask(count, share)).count
            spread = ask(wanted, share * count / wanted) if wanted else ask(0, 0.0)
            assert strategy.desired(spread).count == wanted
