"""The simulator finds every rule that was made wrong on purpose, and soon."""

import pytest

from tests.simulator.mutations import MUTATIONS, Mutation
from tests.simulator.run import simulate

SEEDS = 60
"""Within so many each is found."""


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_a_wrong_rule_is_found(mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    mutation(monkeypatch)
    assert any(simulate(seed).troubles for seed in range(SEEDS))
