"""Parts of an object: sizes, counts, completeness."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stowage_contracts.errors import Conflict
from stowage_contracts.grants import PartDone
from stowage_contracts.parts import offset_of_part, part_of_offset, size_of_part
from stowage_contracts.values import TREE_LEAF
from stowage_stores.completeness import check_complete
from stowage_stores.s3.parts import LIMIT, MOST_PARTS, part_count, part_growth, part_size

SMALLEST = 16 << 20


def done(*numbers: int, size: int = 10) -> list[PartDone]:
    return [PartDone(number=number, size=size, etag=f'"{number}"') for number in numbers]


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=1 << 45))
def test_any_object_fits_the_part_limit_in_aligned_parts(size: int) -> None:
    each = part_size(size, SMALLEST)
    assert each % TREE_LEAF == 0
    assert each >= SMALLEST
    assert part_count(size, each) <= MOST_PARTS
    assert part_count(size, each) * each >= size


def test_small_objects_have_the_smallest_parts() -> None:
    assert part_size(100 << 30, SMALLEST) == SMALLEST
    assert part_size(None, SMALLEST) == SMALLEST
    assert part_count(None, SMALLEST) == LIMIT
    assert part_size(6 << 40, SMALLEST) == 700 << 20


@pytest.mark.parametrize("smallest", [8 << 20, SMALLEST, 100 << 20, 512 << 20, 4 << 30])
def test_growing_parts_reach_5_tib_and_stay_below_5_gib(smallest: int) -> None:
    growth = part_growth(None, smallest, 5 << 40)
    assert offset_of_part(LIMIT + 1, smallest, growth) >= 5 << 40
    last = part_of_offset((5 << 40) - 1, smallest, growth)
    assert size_of_part(last, smallest, growth) <= 5 << 30
    hundred = part_of_offset(100 << 30, smallest, growth)
    assert size_of_part(hundred, smallest, growth) <= max(smallest, 128 << 20)


def test_parts_of_a_known_size_are_alike() -> None:
    assert part_growth(5 << 40, SMALLEST, 5 << 40) == 0


def test_complete_parts_pass() -> None:
    check_complete(done(1, 2, 3), 30, "key")
    check_complete(done(1, size=0), 0, "key")


@pytest.mark.parametrize(
    ("numbers", "size"),
    [((1, 3), 20), ((2, 3), 20), ((), 10), ((1, 2), 21), ((1, 2), 19), ((1, 1), 20)],
)
def test_a_gap_or_another_sum_is_refused(numbers: tuple[int, ...], size: int) -> None:
    with pytest.raises(Conflict):
        check_complete(done(*numbers), size, "key")
