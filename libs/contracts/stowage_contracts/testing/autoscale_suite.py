"""What every AutoscaleStrategy must do. Subclass it and give a ``strategy`` fixture."""

from collections.abc import Iterator
from datetime import UTC

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stowage_contracts.plugins.autoscale_strategy import (
    AutoscaleAsk,
    AutoscaleLimits,
    AutoscaleStrategy,
    Usual,
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
    return AutoscaleAsk(
        loads=loads(count, share), current=count, limits=limits, member_bytes_per_second=SHOWN
    )


whole = st.integers(min_value=0, max_value=1 << 50)
rates = st.floats(min_value=0, max_value=1e12)
some_load = st.builds(
    CacheLoad,
    store_id=st.just("k"),
    bytes_per_second=rates,
    shown_bytes_per_second=rates,
    streams=st.integers(min_value=0, max_value=1000),
    backlog_bytes=whole,
)
some_limits = st.tuples(st.integers(0, 30), st.integers(0, 30)).map(
    lambda pair: AutoscaleLimits(minimum=min(pair), maximum=max(pair))
)
some_day = st.lists(
    st.tuples(st.integers(0, 1439), rates), max_size=5, unique_by=lambda slot: slot[0]
).map(
    lambda slots: tuple(
        Usual(minute=minute, bytes_per_second=wanted, days=3) for minute, wanted in sorted(slots)
    )
)
some_ask = st.builds(
    AutoscaleAsk,
    loads=st.lists(some_load, max_size=6).map(tuple),
    current=st.integers(min_value=0, max_value=30),
    limits=some_limits,
    backlog_bytes=whole,
    backlog_copies=st.integers(min_value=0, max_value=100),
    deadline_seconds=st.floats(min_value=0.1, max_value=1e5),
    member_bytes_per_second=rates,
    spawn_seconds=st.floats(min_value=0, max_value=1e4),
    now=st.none() | st.datetimes(timezones=st.just(UTC)),
    usual=some_day,
)
"""Any input at all, also one that no fleet would give."""
anything = settings(
    deadline=None,
    max_examples=150,
    # one suite serves several classes, and a strategy is pure: neither matters here
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)


def counts(strategy: AutoscaleStrategy, demand: float, begin: int) -> Iterator[int]:
    """What becomes of a fleet that always gets what was wanted; ``demand`` in members, constant."""
    count = begin
    while True:
        share = min(1.0, demand / count) if count else 0.0
        short = max(0.0, demand - count) * SHOWN * 60
        one = ask(count, share).model_copy(update={"backlog_bytes": int(short)})
        count = strategy.desired(one).count
        yield count


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

    @anything
    @given(one=some_ask)
    def test_whatever_it_is_asked_it_keeps_the_limits(
        self, strategy: AutoscaleStrategy, one: AutoscaleAsk
    ) -> None:
        desired = strategy.desired(one)
        assert one.limits.minimum <= desired.count <= one.limits.maximum
        assert desired.reason.strip()
        assert strategy.desired(one) == desired

    @anything
    @given(one=some_ask, more=whole)
    def test_more_backlog_never_wants_fewer(
        self, strategy: AutoscaleStrategy, one: AutoscaleAsk, more: int
    ) -> None:
        longer = one.model_copy(update={"backlog_bytes": one.backlog_bytes + more})
        assert strategy.desired(longer).count >= strategy.desired(one).count

    @anything
    @given(demand=st.floats(min_value=0, max_value=15), begin=st.integers(0, 20))
    def test_a_constant_load_gets_a_constant_fleet(
        self, strategy: AutoscaleStrategy, demand: float, begin: int
    ) -> None:
        fleet = counts(strategy, demand, begin)
        settled = [next(fleet) for _ in range(40)][30:]
        assert len(set(settled)) == 1

    def test_what_waits_for_any_of_them_wants_a_first_one(
        self, strategy: AutoscaleStrategy
    ) -> None:
        assert strategy.desired(ask(0, 0.0)).count == 0
        waiting = ask(0, 0.0).model_copy(update={"backlog_bytes": 1})
        assert strategy.desired(waiting).count > 0

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
