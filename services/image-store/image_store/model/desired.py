"""What replicas an object should have, against those it has."""

from collections.abc import Sequence
from dataclasses import dataclass

from stowage_contracts.values import Id, ReplicaState, Scope

from image_store.model.rooms import reaches

_MAKING = frozenset({ReplicaState.ALLOCATED, ReplicaState.CREATING})


@dataclass(frozen=True)
class Held:
    """A replica on an image store."""

    ref_id: Id
    store_id: Id
    state: ReplicaState
    scope: Scope
    """How far its store reaches."""
    readable: bool
    leaving: bool = False
    """Its store is being emptied, or it is being moved."""
    to: tuple[Id, ...] = ()
    """Leaving: one of these stores gets it; any when empty."""
    keeps: bool = False
    """Leaving: its bytes stay where they are, for its store is given up as it stands."""

    @property
    def good(self) -> bool:
        """Others can be made of it."""
        return self.state is ReplicaState.READY and self.readable


@dataclass(frozen=True)
class Desired:
    """What is wished for; ``zones`` are all of them for a region-wide object."""

    zones: tuple[Id, ...] = ()
    min_copies: int = 1
    max_copies: int | None = None
    stores: tuple[Id, ...] = ()
    """Stores that must each have one."""


@dataclass(frozen=True)
class Need:
    """A replica to make: on one of some stores, or on any that reaches a scope."""

    scope: Scope
    store_ids: tuple[Id, ...] = ()


@dataclass(frozen=True)
class Decision:
    """Replicas to make and to destroy; a destroyed one that is needed is made anew later."""

    make: tuple[Need, ...] = ()
    drop: tuple[Id, ...] = ()


def decide(desired: Desired, held: Sequence[Held]) -> Decision:
    """Never drops the last good replica, nor one that a zone or the minimum needs."""
    if not any(replica.good for replica in held):
        return Decision()
    failed = tuple(one.ref_id for one in held if one.state is ReplicaState.FAILED)
    if failed:  # their places are free only when they are gone
        return Decision(drop=failed)
    alive = [one for one in held if not one.leaving and (one.good or one.state in _MAKING)]
    needs = _needs(desired, held, alive)
    if needs:
        return Decision(make=needs)
    return Decision(drop=_superfluous(desired, held))


def _needs(desired: Desired, held: Sequence[Held], alive: Sequence[Held]) -> tuple[Need, ...]:
    wide = Scope.region()
    scope = Scope.zone(desired.zones[0]) if len(desired.zones) == 1 else wide
    moves = dict.fromkeys(Need(scope, one.to) for one in held if not _arrived(one, alive))
    if moves:  # whatever else is lacking then is seen once they are under way
        return tuple(moves)
    taken = {one.store_id for one in held}
    needs = [Need(wide, (store,)) for store in desired.stores if store not in taken]
    needs += [
        Need(Scope.zone(zone))
        for zone in desired.zones
        if not any(reaches(one.scope, Scope.zone(zone)) for one in alive)
    ]
    lacking = desired.min_copies - len(alive) - len(needs)
    return (*needs, *(Need(scope) for _ in range(lacking)))


def _arrived(one: Held, there: Sequence[Held]) -> bool:
    """Whether what is being moved is where it is to be."""
    bound = one.leaving and one.good and one.to
    return not bound or any(other.store_id in one.to for other in there)


def _superfluous(desired: Desired, held: Sequence[Held]) -> tuple[Id, ...]:
    """Those that leave, once enough others are good; then those above the maximum."""
    good = [one for one in held if one.good]
    staying = [one for one in good if not one.leaving]
    leaving = [one for one in good if one.leaving and not one.keeps]
    if leaving:
        moved = tuple(one.ref_id for one in leaving if _arrived(one, staying))
        return moved if _enough(desired, staying) else ()
    excess = len(staying) - desired.max_copies if desired.max_copies else 0
    return _trimmed(desired, staying, excess)


def _trimmed(desired: Desired, staying: list[Held], excess: int) -> tuple[Id, ...]:
    drop: list[Id] = []
    for one in sorted(staying, key=lambda one: one.store_id, reverse=True):
        rest = [each for each in staying if each is not one and each.ref_id not in drop]
        if len(drop) < excess and one.store_id not in desired.stores and _enough(desired, rest):
            drop.append(one.ref_id)
    return tuple(drop)


def _enough(desired: Desired, good: Sequence[Held]) -> bool:
    zones = [Scope.zone(zone) for zone in desired.zones]
    reached = all(any(reaches(one.scope, zone) for one in good) for zone in zones)
    return reached and len(good) >= max(1, desired.min_copies)
