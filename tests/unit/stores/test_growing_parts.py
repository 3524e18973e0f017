"""Parts that grow with their number: no gap, no overlap, and 10,000 of them hold any object."""

from hypothesis import given, settings
from hypothesis import strategies as st
from stowage_contracts.parts import count_of_parts, offset_of_part, part_of_offset, size_of_part

SIZES = st.integers(min_value=1, max_value=1 << 32)
GROWTHS = st.integers(min_value=0, max_value=2000)


@settings(deadline=None)
@given(st.integers(min_value=1, max_value=10_000), SIZES, st.integers(500, 2000))
def test_a_part_begins_where_the_one_before_ends(number: int, size: int, growth: int) -> None:
    for kind in (0, growth):
        end = offset_of_part(number, size, kind) + size_of_part(number, size, kind)
        assert offset_of_part(number + 1, size, kind) == end


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=1 << 50), SIZES, GROWTHS)
def test_the_part_of_an_offset_holds_it(offset: int, size: int, growth: int) -> None:
    number = part_of_offset(offset, size, growth)
    begin = offset_of_part(number, size, growth)
    assert begin <= offset < begin + size_of_part(number, size, growth)


@settings(deadline=None)
@given(st.integers(min_value=1, max_value=1 << 50), SIZES, GROWTHS)
def test_the_last_part_holds_the_last_byte(length: int, size: int, growth: int) -> None:
    last = count_of_parts(length, size, growth)
    begin = offset_of_part(last, size, growth)
    assert begin < length <= begin + size_of_part(last, size, growth)


def test_sizes_double_every_so_many_parts() -> None:
    assert [size_of_part(n, 8, 2) for n in range(1, 7)] == [8, 8, 16, 16, 32, 32]
    assert [offset_of_part(n, 8, 2) for n in range(1, 7)] == [0, 8, 16, 32, 48, 80]
    assert [part_of_offset(at, 8, 2) for at in (0, 7, 8, 15, 16, 47, 48)] == [1, 1, 2, 2, 3, 4, 5]
    assert count_of_parts(0, 8, 2) == 0
