"""backlog: what waits is through in time, and members on their way count."""

import pytest
from cache_autoscaler.strategies.backlog import BacklogStrategy
from stowage_contracts.plugins.autoscale_strategy import AutoscaleAsk, AutoscaleLimits
from stowage_contracts.testing.autoscale_suite import SHOWN, ask, loads
from stowage_contracts.views import DesiredCount

GB = 10**9


def wants(gigabytes: float, serving: int = 0, current: int | None = None) -> DesiredCount:
    """So much waits; members do 1 GB/s, the deadline is 600 s, a spawn takes 60 s."""
    return BacklogStrategy().desired(
        AutoscaleAsk(
            loads=loads(serving, 0.5),
            current=serving if current is None else current,
            limits=AutoscaleLimits(maximum=50),
            backlog_bytes=int(gigabytes * GB),
            member_bytes_per_second=SHOWN,
        )
    )


@pytest.mark.parametrize(("gigabytes", "members"), [(1, 1), (90, 1), (91, 2), (900, 10)])
def test_the_queue_is_drained_in_a_quarter_of_the_deadline_less_a_spawn(
    gigabytes: int, members: int
) -> None:
    assert wants(gigabytes).count == members


def test_members_that_serve_already_have_the_time_that_others_need_to_come() -> None:
    assert wants(150, serving=1).count == 1
    assert wants(240, serving=1).count == 2
    assert wants(241, serving=1).count == 3


def test_members_on_their_way_are_not_ordered_again() -> None:
    first = wants(900).count
    assert wants(900, serving=0, current=first).count == first


def test_no_more_come_than_there_are_copies_to_serve() -> None:
    few = ask(1, 0.5).model_copy(update={"backlog_bytes": 900 * GB, "backlog_copies": 2})
    assert BacklogStrategy().desired(few).count == 3
    many = few.model_copy(update={"backlog_copies": 100})
    assert BacklogStrategy().desired(many).count == 10


def test_nobody_is_sent_away_while_much_waits() -> None:
    assert wants(400, serving=3).count == 3
    assert wants(50, serving=3).count == 3
    assert wants(1, serving=3).count == 3
    idle = ask(3, 0.1).model_copy(update={"backlog_bytes": 400 * GB})
    assert BacklogStrategy().desired(idle).count == 3


def test_a_spawn_longer_than_the_deadline_has_an_answer() -> None:
    slow = ask(0, 0.0).model_copy(update={"backlog_bytes": 10 * GB, "spawn_seconds": 5000})
    assert BacklogStrategy().desired(slow).count == 1


def test_one_fast_reader_asks_for_no_second_cache() -> None:
    (load,) = loads(1, 1.0)
    alone = ask(1, 1.0).model_copy(update={"loads": (load.model_copy(update={"streams": 1}),)})
    assert BacklogStrategy().desired(alone).count == 1
    assert BacklogStrategy().desired(ask(1, 1.0)).count == 2


def test_the_reason_has_the_figures() -> None:
    reason = wants(900).reason
    for figure in ("900 GB", "1 GB/s", "10 drain it in 2 min of 10 min", "0% of 0 busy"):
        assert figure in reason
