"""Parts of a multipart write whose length is known, or told last."""

from __future__ import annotations

from hypervisor_agent.transports.part_layout import MOST_PARTS, Layout
from stowage_contracts.plugins.transport import WriteShape
from stowage_contracts.values import Range

MIB = 1024 * 1024
PART = 8 * MIB


def test_a_known_length_ends_its_last_part() -> None:
    layout = Layout(PART, 0, WriteShape(size=2 * PART + 5))
    assert [layout.length(number) for number in (1, 2, 3)] == [PART, PART, 5]
    assert layout.length(4) <= 0
    assert layout.last == 3
    assert layout.place(2 * PART, 5) == (3, True, True)


def test_parts_double_until_the_length_is_told() -> None:
    layout = Layout(PART, 2, WriteShape(size=0, grows=True))
    assert [layout.length(number) for number in range(1, 6)] == [
        PART,
        PART,
        2 * PART,
        2 * PART,
        4 * PART,
    ]
    assert layout.last == MOST_PARTS
    assert layout.number(layout.offset(5)) == 5
    assert layout.place(2 * PART, 2 * PART) == (3, True, True)
    layout.size = 3 * PART
    assert (layout.last, layout.length(3)) == (3, PART)
    assert layout.place(2 * PART, PART) == (3, True, True)


def test_an_extent_covers_whole_parts() -> None:
    layout = Layout(PART, 2, WriteShape(size=0, grows=True))
    assert list(layout.numbers(Range(offset=PART, length=3 * PART))) == [2, 3]


def test_nothing_has_one_part_to_ask_a_url_for() -> None:
    assert Layout(PART, 0, WriteShape(size=0)).last == 1
