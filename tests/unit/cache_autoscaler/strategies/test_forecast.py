"""forecast: members are there before the usual rise."""

from datetime import UTC, datetime, timedelta, timezone

from cache_autoscaler.strategies.forecast import ForecastStrategy
from stowage_contracts.plugins.autoscale_strategy import AutoscaleAsk, Usual
from stowage_contracts.testing.autoscale_suite import SHOWN, ask
from stowage_contracts.views import DesiredCount

DAY = tuple(
    Usual(minute=hour * 60, bytes_per_second=members * 0.8 * SHOWN, days=7)
    for hour, members in ((0, 0.1), (9, 4), (12, 2), (17, 0.1), (23, 3))
)
MORNING = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def wants(now: datetime | None, one: AutoscaleAsk | None = None) -> DesiredCount:
    asked = one or ask(0, 0.0)
    return ForecastStrategy().desired(asked.model_copy(update={"now": now, "usual": DAY}))


def test_they_are_spawned_two_spawn_times_before_the_rise() -> None:
    assert wants(MORNING).count == 0
    assert wants(MORNING + timedelta(minutes=57)).count == 0
    assert wants(MORNING + timedelta(minutes=58)).count == 4


def test_the_fall_is_followed() -> None:
    assert wants(MORNING + timedelta(hours=3, minutes=50)).count == 4
    assert wants(MORNING + timedelta(hours=4, minutes=1)).count == 2


def test_midnight_is_no_border() -> None:
    early = datetime(2026, 3, 2, 22, 59, tzinfo=UTC)
    late = datetime(2026, 3, 2, 23, 59, tzinfo=UTC)
    assert [wants(early).count, wants(late).count] == [3, 3]
    assert wants(late + timedelta(minutes=2)).count == 0


def test_the_clock_is_read_as_utc() -> None:
    east = timezone(timedelta(hours=5))
    assert wants((MORNING + timedelta(hours=1)).astimezone(east)).count == 4


def test_more_than_usual_is_served_as_it_is() -> None:
    assert wants(MORNING, ask(2, 1.0)).count == 3


def test_without_a_known_day_it_is_backlog() -> None:
    desired = ForecastStrategy().desired(ask(2, 1.0))
    assert desired.count == 3
    assert "no usual day is known yet" in desired.reason
    assert wants(None).count == 0


def test_the_reason_tells_the_usual() -> None:
    reason = wants(MORNING + timedelta(hours=1)).reason
    assert "3.2 GB/s are usual within 2 min (7 days): 4" in reason
