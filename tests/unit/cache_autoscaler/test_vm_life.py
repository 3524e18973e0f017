"""A transport VM's life is one table: every state has an owner, a deadline and a way out."""

from datetime import UTC, datetime
from itertools import product

import pytest
from cache_autoscaler.model.vms import COMING, LIFE, Times, check_move, deadline, told
from stowage_contracts.caching import VmPhase, VmState
from stowage_contracts.errors import Conflict

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_every_state_but_the_last_has_an_owner_a_deadline_and_an_end() -> None:
    assert set(LIFE) == set(VmState)
    for state in set(VmState) - {VmState.GONE}:
        assert VmState.GONE in LIFE[state].to
        assert LIFE[state].owner
        assert LIFE[state].overdue
        assert deadline(state, NOW, Times(), 3600) > NOW
    assert not LIFE[VmState.GONE].to


def test_nothing_comes_back_once_it_is_being_destroyed() -> None:
    for state in (VmState.DESTROYING, VmState.GONE):
        assert LIFE[state].to <= {VmState.GONE}
        for phase in VmPhase:
            assert told(state, phase) in {state, VmState.GONE}


@pytest.mark.parametrize(("state", "phase"), list(product(VmState, VmPhase)))
def test_no_word_of_a_host_leaves_the_table_or_offers_a_vm(state: VmState, phase: VmPhase) -> None:
    after = told(state, phase)
    assert after == state or after in LIFE[state].to
    assert after == state or after is not VmState.OFFERED
    assert told(after, phase) == after


def test_late_words_do_not_turn_a_life_back() -> None:
    assert told(VmState.PROBING, VmPhase.STARTING) is VmState.PROBING
    assert told(VmState.OFFERED, VmPhase.READY) is VmState.OFFERED
    assert told(VmState.DRAINING, VmPhase.READY) is VmState.DRAINING


def test_a_way_that_is_not_in_the_table_is_refused() -> None:
    for state, to in product(VmState, VmState):
        if to not in LIFE[state].to:
            with pytest.raises(Conflict):
                check_move("v1", state, to)
    assert VmState.OFFERED not in LIFE[VmState.ORDERED].to
    assert COMING.isdisjoint({VmState.OFFERED})
