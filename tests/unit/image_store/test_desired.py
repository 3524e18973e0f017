"""What replicas an object should have: never fewer good ones than are needed."""

from hypothesis import given
from hypothesis import strategies as st
from image_store.model.desired import Decision, Desired, Held, Need, decide
from image_store.model.rooms import reaches
from stowage_contracts.values import ReplicaState, Scope

Z1, Z2, REGION = Scope.zone("z1"), Scope.zone("z2"), Scope.region()
READY, FAILED, CREATING = ReplicaState.READY, ReplicaState.FAILED, ReplicaState.CREATING


def held(
    store_id: str, scope: Scope = Z1, state: ReplicaState = READY, *, leaving: bool = False
) -> Held:
    return Held(f"r-{store_id}", store_id, state, scope, readable=True, leaving=leaving)


def test_nothing_is_made_while_no_good_replica_is_there_to_copy() -> None:
    assert decide(Desired(zones=("z1",)), [held("a", state=CREATING)]).make == ()
    assert decide(Desired(zones=("z1",)), [held("a", state=FAILED)]).drop == ()


def test_a_zone_that_came_later_gets_a_replica_of_its_own() -> None:
    decision = decide(Desired(zones=("z1", "z2")), [held("a")])
    assert decision.make == (Need(Z2),)


def test_a_region_wide_store_serves_every_zone() -> None:
    assert decide(Desired(zones=("z1", "z2")), [held("a", REGION)]).make == ()


def test_every_store_named_gets_its_own() -> None:
    decision = decide(Desired(zones=("z1",), stores=("a", "b", "c")), [held("a")])
    assert [need.store_ids for need in decision.make] == [("b",), ("c",)]


def test_a_minimum_is_made_up_and_a_maximum_trimmed() -> None:
    assert len(decide(Desired(zones=("z1",), min_copies=3), [held("a")]).make) == 2
    three = [held("a"), held("b"), held("c")]
    assert decide(Desired(zones=("z1",), max_copies=1), three).drop == ("r-c", "r-b")
    kept = decide(Desired(zones=("z1",), max_copies=1, stores=("c",)), three)
    assert kept.drop == ("r-b", "r-a")


def test_what_is_on_the_way_is_not_made_twice() -> None:
    some = [held("a"), held("b", Z2, CREATING)]
    assert decide(Desired(zones=("z1", "z2"), min_copies=2), some).make == ()


def test_a_failed_one_is_cleared_away_to_be_made_anew() -> None:
    decision = decide(Desired(zones=("z1",), min_copies=2), [held("a"), held("b", state=FAILED)])
    assert decision.drop == ("r-b",)


def test_a_store_being_emptied_keeps_its_replica_until_another_is_good() -> None:
    leaving = held("a", leaving=True)
    decision = decide(Desired(zones=("z1",)), [leaving])
    assert (decision.make, decision.drop) == ((Need(Z1),), ())
    assert decide(Desired(zones=("z1",)), [leaving, held("b", state=CREATING)]).drop == ()
    assert decide(Desired(zones=("z1",)), [leaving, held("b")]).drop == ("r-a",)


replicas = st.lists(
    st.tuples(
        st.sampled_from([Z1, Z2, REGION]),
        st.sampled_from(ReplicaState),
        st.booleans(),
        st.sampled_from([(), (), ("s0",), ("s1", "s3")]),
        st.booleans(),
    ),
    max_size=6,
).map(
    lambda rows: [
        Held(f"r{n}", f"s{n}", state, scope, n % 3 != 2, leaving, to, keeps=keeps and leaving)
        for n, (scope, state, leaving, to, keeps) in enumerate(rows)
    ]
)


@given(
    replicas,
    st.sampled_from([("z1",), ("z2",), ("z1", "z2")]),
    st.integers(1, 4),
    st.integers(1, 4) | st.none(),
)
def test_what_is_dropped_is_never_needed(
    some: list[Held], zones: tuple[str, ...], low: int, high: int | None
) -> None:
    desired = Desired(zones=zones, min_copies=low, max_copies=high)
    decision = decide(desired, some)
    good = [one for one in some if one.good]
    left = [one for one in good if one.ref_id not in decision.drop]
    assert bool(left) == bool(good)
    if len(left) < len(good):
        assert len(left) >= low
        for zone in zones:
            assert any(reaches(one.scope, Scope.zone(zone)) for one in left)
    for one in good:
        if one.leaving and one.ref_id in decision.drop:
            assert not one.keeps
            assert not one.to or any(other.store_id in one.to for other in left)
    assert not (decision.make and set(decision.drop) & {one.ref_id for one in good})


def test_what_is_moved_goes_to_one_of_the_stores_named_and_only_then_leaves() -> None:
    moved = Held("r-a", "a", READY, Z1, readable=True, leaving=True, to=("b", "c"))
    there = held("d")
    assert decide(Desired(zones=("z1",)), [moved, there]).make == (Need(Z1, ("b", "c")),)
    assert decide(Desired(zones=("z1",)), [moved, there, held("c", state=CREATING)]) == Decision()
    assert decide(Desired(zones=("z1",)), [moved, there, held("c")]).drop == ("r-a",)


def test_a_store_given_up_as_it_stands_keeps_its_bytes() -> None:
    kept = Held("r-a", "a", READY, Z1, readable=True, leaving=True, keeps=True)
    assert decide(Desired(zones=("z1",)), [kept]).make == (Need(Z1),)
    assert decide(Desired(zones=("z1",)), [kept, held("b")]) == Decision()
