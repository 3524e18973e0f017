"""Stormy worlds come to rest with nothing wrong in them; see ``make simulate``."""

import pytest

from tests.simulator.run import simulate

AT_ONCE = 20


@pytest.mark.parametrize("first", range(0, 200, AT_ONCE))
def test_every_world_comes_to_rest_with_nothing_wrong(first: int) -> None:
    for seed in range(first, first + AT_ONCE):
        outcome = simulate(seed)
        assert not outcome.troubles, str(outcome)


def test_a_seed_replays_exactly() -> None:
    assert simulate(5).log == simulate(5).log


def test_worlds_differ_and_copies_end_in_every_way() -> None:
    outcomes = [simulate(seed) for seed in range(30)]
    assert len({outcome.log for outcome in outcomes}) == 30
    ends = {end for outcome in outcomes for end in outcome.ends}
    assert ends == {"CopyCompleted", "CopyFailed", "CopyCancelled"}
