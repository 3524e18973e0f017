"""What a process committed reaches its relay directly, and never out of order."""

from stowage_contracts.envelope import Envelope
from stowage_runtime.outbox import Numbered
from stowage_runtime.outbox.fresh import MOST, Fresh, Order


def message(subject: str, sequence: int) -> Numbered:
    envelope = Envelope(source="s", type="T", subject=subject, sequence=sequence, data={})
    return Numbered(sequence, envelope, "", False)


def test_only_a_relay_that_leads_takes_messages() -> None:
    fresh = Fresh()
    assert not fresh.put([message("a", 1)])
    fresh.clear(open=True)
    assert fresh.put([message("a", 2)])
    assert [each.id for each in fresh.take(10)] == [2]


def spilled(fresh: Fresh) -> bool:
    return fresh.spilled


def test_what_is_too_much_is_left_to_the_outbox() -> None:
    fresh = Fresh()
    fresh.clear(open=True)
    fresh.spilled = False
    fresh.put([message("a", 1)] * MOST)
    assert not spilled(fresh)
    fresh.put([message("a", 2)])
    assert spilled(fresh)
    assert len(fresh) == MOST


def test_a_message_follows_only_the_one_before_it() -> None:
    order = Order()
    assert order.follows(message("a", 1))
    assert order.follows(message("b", 7)) is False  # what was sent of it is not known
    order.note(message("a", 1))
    assert order.follows(message("a", 3)) is False
    assert order.follows(message("a", 2))


def test_a_message_that_was_sent_is_not_sent_again() -> None:
    order = Order()
    order.note(message("a", 2))
    assert order.follows(message("a", 2)) is None
    assert order.follows(message("a", 1)) is None


def test_after_a_refusal_the_outbox_says_what_is_next() -> None:
    order = Order()
    order.note(message("a", 2))
    order.forget("a")
    assert order.follows(message("a", 3)) is False
