"""Claims cover everything once, and merging keeps the bytes."""

from __future__ import annotations

from itertools import pairwise

from hypervisor_agent.engine.ranges import MOST_ZEROS, Work, covers, merge
from hypothesis import given
from hypothesis import strategies as st
from stowage_contracts.values import Range

RANGES = st.lists(
    st.builds(Range, offset=st.integers(0, 200), length=st.integers(1, 50)), max_size=12
)


def bytes_of(ranges: tuple[Range, ...] | list[Range]) -> set[int]:
    return {at for item in ranges for at in range(item.offset, item.end)}


@given(RANGES)
def test_merging_keeps_the_bytes_in_order_with_gaps_between(ranges: list[Range]) -> None:
    merged = merge(ranges)
    assert bytes_of(merged) == bytes_of(ranges)
    assert all(a.end < b.offset for a, b in pairwise(merged))


@given(RANGES, st.integers(0, 200), st.integers(1, 50))
def test_a_range_is_covered_exactly_when_all_its_bytes_are(
    ranges: list[Range], offset: int, length: int
) -> None:
    wanted = Range(offset=offset, length=length)
    assert covers(merge(ranges), wanted) == (bytes_of([wanted]) <= bytes_of(ranges))


@given(
    size=st.integers(0, 500),
    part=st.integers(1, 64),
    journaled=st.sets(st.integers(0, 20)),
    data=st.lists(st.integers(0, 500)),
)
def test_claims_cover_everything_once_in_order(
    size: int, part: int, journaled: set[int], data: list[int]
) -> None:
    journal = merge(
        Range(offset=n * part, length=min(part, size - n * part))
        for n in journaled
        if n * part < size
    )
    work = Work(size, part, journal)
    at = 0
    hints = iter(data)
    while (claim := work.claim_zeros(next(hints, 0)) or work.claim()) is not None:
        assert claim.extent.offset == at
        assert claim.journaled == covers(journal, claim.extent)
        at = claim.extent.end
        work.finish(claim.extent)
        assert at == size or at % part == 0
    assert at == size
    assert bytes_of(work.done) == set(range(size))


def test_a_hole_is_claimed_whole_but_never_beyond_the_journal() -> None:
    work = Work(100, 10, (Range(offset=60, length=10),))
    claim = work.claim_zeros(95)
    assert claim is not None
    assert claim.extent == Range(offset=0, length=60)
    assert work.claim_zeros(95) is None
    assert work.claim() is not None
    after = work.claim_zeros(95)
    assert after is not None
    assert after.extent == Range(offset=70, length=20)


def test_a_giant_hole_is_claimed_in_bounded_steps() -> None:
    work = Work(1 << 43, 1 << 23, ())
    claim = work.claim_zeros(1 << 43)
    assert claim is not None
    assert claim.extent.length == MOST_ZEROS
