"""Range and Content-Range headers at the door."""

from __future__ import annotations

import pytest
from hypervisor_agent.links.spans import LengthWanted, NotSatisfiable, Piece, asked_range, carried
from hypothesis import given
from hypothesis import strategies as st
from stowage_contracts.errors import InvalidInput
from stowage_contracts.values import Range


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [("bytes=0-0", 0, 1), ("bytes=3-", 3, 10), ("bytes=-3", 7, 10), ("bytes=2-99", 2, 10)],
)
def test_one_range_is_cut_to_what_there_is(header: str, start: int, end: int) -> None:
    assert asked_range(header, 10) == Range(offset=start, length=end - start)


@pytest.mark.parametrize("header", ["", "lines=0-1", "bytes=", "bytes=-", "bytes=5-4", "bytes=a-b"])
def test_what_is_no_range_is_ignored(header: str) -> None:
    assert asked_range(header, 10) is None


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=0-1,3-4", "bytes=-0"])
def test_what_cannot_be_served_is_refused(header: str) -> None:
    with pytest.raises(NotSatisfiable):
        asked_range(header, 10)


def test_nothing_has_no_range() -> None:
    with pytest.raises(NotSatisfiable):
        asked_range("bytes=0-", 0)


@given(st.text(max_size=40), st.integers(0, 1 << 40))
def test_any_header_is_a_range_within_the_object_or_none(header: str, size: int) -> None:
    for text in (header, f"bytes={header}"):
        try:
            found = asked_range(text, size)
        except NotSatisfiable:
            continue
        assert found is None or 0 <= found.offset < found.end <= size


@given(st.text(max_size=40), st.integers(0, 1 << 40), st.none() | st.integers(0, 1 << 40))
def test_any_piece_lies_within_its_whole(header: str, length: int, size: int | None) -> None:
    for text in (header, f"bytes {header}"):
        try:
            piece = carried(text, length, size)
        except InvalidInput:
            continue
        assert 0 <= piece.offset <= piece.offset + piece.length <= piece.total


def test_a_body_without_a_span_is_the_whole() -> None:
    assert carried("", 7, None) == Piece(0, 7, 7)
    assert carried("bytes */9", 0, None) == Piece(0, 0, 9)
    assert carried("bytes 2-5/*", 4, 9) == Piece(2, 4, 9)
    with pytest.raises(LengthWanted):
        carried("", None, 7)
