"""Replica transitions are CloudStack's; placement never promises bytes twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_store.model.placement import Wish, choose
from image_store.model.rooms import Room, reaches
from image_store.model.states import TRANSITIONS, ReplicaEvent, next_state
from stowage_contracts.errors import Conflict, OutOfSpace
from stowage_contracts.values import (
    ImageFormat,
    ObjectKind,
    ReplicaState,
    Scope,
    ScopeType,
    StoreState,
)

Z1, Z2, REGION = Scope.zone("z1"), Scope.zone("z2"), Scope.region()


def room(store_id: str, scope: Scope = Z1, **changes: object) -> Room:
    facts = {"state": StoreState.UP, "total": 1000, "used": 0, "reserved": 0, **changes}
    return Room(store_id=store_id, scope=scope, **facts)  # type: ignore[arg-type]


def place(rooms: list[Room], scope: Scope, size: int, high: float) -> Room:
    wish = Wish(
        kind=ObjectKind.TEMPLATE, format=ImageFormat.RAW, account_id="a", scope=scope, size=size
    )
    return choose(rooms, (), wish, high)


@given(st.sampled_from(ReplicaState), st.sampled_from(ReplicaEvent))
def test_every_pair_moves_by_the_table_or_is_refused(
    state: ReplicaState, event: ReplicaEvent
) -> None:
    if (state, event) in TRANSITIONS:
        assert next_state(state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(Conflict):
            next_state(state, event)


def test_a_destroyed_replica_never_comes_back() -> None:
    left = {after for (state, _), after in TRANSITIONS.items() if state is ReplicaState.DESTROYED}
    assert left == {ReplicaState.DESTROYED}


def test_placement_takes_the_store_with_most_room_after_reservations() -> None:
    rooms = [room("a", used=100), room("b", reserved=50), room("c", used=90, reserved=20)]
    assert place(rooms, Z1, 10, 1.0).store_id == "b"


def test_placement_counts_reserved_bytes_as_taken() -> None:
    with pytest.raises(OutOfSpace):
        place([room("a", used=500, reserved=450)], Z1, 100, 1.0)


@pytest.mark.parametrize(
    "state", [s for s in StoreState if s is not StoreState.UP], ids=lambda s: s.value
)
def test_placement_writes_only_to_stores_that_are_up(state: StoreState) -> None:
    with pytest.raises(Conflict, match="no writable image store"):
        place([room("a", state=state)], Z1, 1, 1.0)


def test_a_250_gb_image_goes_to_the_store_with_670_free() -> None:
    gb = 10**9
    rooms = [room("a", total=150 * gb), room("b", total=670 * gb)]
    assert place(rooms, Z1, 250 * gb, 0.95).store_id == "b"


@pytest.mark.parametrize(
    ("store", "wanted", "fits"),
    [
        (REGION, REGION, True),
        (REGION, Z1, True),
        (Z1, Z1, True),
        (Z1, Z2, False),
        (Z1, REGION, False),
        (Z1, Scope(type=ScopeType.POD, id="p", zone_id="z1"), True),
        (Z2, Scope(type=ScopeType.POD, id="p", zone_id="z1"), False),
    ],
)
def test_a_store_reaches_what_lies_in_its_scope(store: Scope, wanted: Scope, fits: bool) -> None:
    assert reaches(store, wanted) is fits
