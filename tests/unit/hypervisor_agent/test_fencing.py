"""An agent heeds no order older than the newest it heard of a hop."""

from datetime import UTC, datetime, timedelta

from hypervisor_agent.fencing import Begun, Epochs, Order


def test_the_first_order_of_a_hop_is_new() -> None:
    assert Epochs().weigh("hop", 0) is Order.NEW


def test_the_same_epoch_is_the_same_order_and_an_older_one_is_over() -> None:
    epochs = Epochs()
    epochs.raise_to("hop", 3)
    assert [epochs.weigh("hop", epoch) for epoch in (2, 3, 4)] == [
        Order.OLD,
        Order.AGAIN,
        Order.NEW,
    ]


def test_an_epoch_never_falls() -> None:
    epochs = Epochs()
    epochs.raise_to("hop", 3)
    epochs.raise_to("hop", 1)
    assert epochs.newest("hop") == 3


def test_what_was_heard_longest_ago_is_forgotten_first() -> None:
    epochs = Epochs(most=2)
    for hop in ("a", "b", "a", "c"):
        epochs.raise_to(hop, 1)
    assert [epochs.newest(hop) for hop in ("a", "b", "c")] == [1, -1, 1]


def test_a_list_of_live_hops_knows_nothing_of_those_ordered_after_it() -> None:
    listed = datetime(2026, 1, 1, tzinfo=UTC)
    begun = Begun(most=2)
    begun.note("forgotten", listed)
    begun.note("before", listed - timedelta(seconds=1))
    begun.note("after", listed + timedelta(seconds=1))
    assert begun.since(listed) == {"after"}
