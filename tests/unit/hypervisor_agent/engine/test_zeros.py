"""Zeros are found, and nothing else is taken for them."""

from __future__ import annotations

from hypervisor_agent.engine.zeros import GRAIN, all_zero, data_runs
from hypothesis import given
from hypothesis import strategies as st
from stowage_contracts.values import TREE_LEAF


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=8), st.integers(1, 4))
def test_runs_are_exactly_the_grains_that_hold_data(
    pieces: list[tuple[int, bool]], grain: int
) -> None:
    data = b"".join((b"\1" if full else b"\0") * length for length, full in pieces)
    kept = bytearray(len(data))
    last = 0
    for start, end in data_runs(memoryview(data), grain):
        assert start % grain == 0
        assert start > last or start == 0
        assert any(data[start : start + grain])
        kept[start:end] = data[start:end]
        last = end
    assert bytes(kept) == data


def test_one_byte_anywhere_is_no_zeros() -> None:
    for size in (1, GRAIN, TREE_LEAF, TREE_LEAF + 7):
        data = bytearray(size)
        assert all_zero(memoryview(data))
        for at in {0, size // 2, size - 1}:
            data[at] = 1
            assert not all_zero(memoryview(data))
            data[at] = 0
