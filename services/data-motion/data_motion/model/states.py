"""States of copies, hops and askers; one table each gives every transition there is."""

from enum import StrEnum

from stowage_contracts.errors import Conflict


class CopyState(StrEnum):
    """A copy, from the asker's view."""

    REQUESTED = "requested"
    PLANNED = "planned"
    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class HopState(StrEnum):
    """One physical transfer; pending until a slot and an agent are free."""

    PENDING = "pending"
    OFFERED = "offered"
    MOVING = "moving"
    VERIFIED = "verified"
    COMMITTING = "committing"
    COMMITTED = "committed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class AskerState(StrEnum):
    """Whether an asker still wants the copy."""

    ACTIVE = "active"
    DETACHED = "detached"


_C, _H = CopyState, HopState
_COPY_STOPS = {_C.FAILED, _C.CANCELLED}
_HOP_STOPS = {_H.FAILED, _H.CANCELLED}

COPY_MOVES: dict[CopyState, set[CopyState]] = {
    _C.REQUESTED: {_C.PLANNED, _C.DONE, *_COPY_STOPS},
    _C.PLANNED: {_C.WAITING, _C.RUNNING, _C.PAUSED, _C.DONE, *_COPY_STOPS},
    _C.WAITING: {_C.RUNNING, _C.PAUSED, _C.DONE, *_COPY_STOPS},
    _C.RUNNING: {_C.WAITING, _C.PAUSED, _C.DONE, *_COPY_STOPS},
    _C.PAUSED: {_C.WAITING, *_COPY_STOPS},
    _C.DONE: set(),
    _C.FAILED: set(),
    _C.CANCELLED: set(),
}
HOP_MOVES: dict[HopState, set[HopState]] = {
    _H.PENDING: {_H.OFFERED, *_HOP_STOPS},
    _H.OFFERED: {_H.MOVING, _H.PENDING, *_HOP_STOPS},
    _H.MOVING: {_H.VERIFIED, _H.PENDING, *_HOP_STOPS},
    _H.VERIFIED: {_H.COMMITTING},
    # Never cancelled from here: only the destination's owner knows whether it exists.
    _H.COMMITTING: {_H.COMMITTED, _H.PENDING, _H.FAILED},
    _H.COMMITTED: set(),
    _H.FAILED: set(),
    _H.CANCELLED: set(),
}
LEASED = frozenset({_H.OFFERED, _H.MOVING})
HOLDS_SLOTS = frozenset({_H.OFFERED, _H.MOVING, _H.VERIFIED, _H.COMMITTING})


def ended(state: CopyState | HopState) -> bool:
    """Whether nothing can follow."""
    moves = COPY_MOVES[state] if isinstance(state, CopyState) else HOP_MOVES[state]
    return not moves


def check_copy(before: CopyState, after: CopyState) -> None:
    """Raises Conflict for a transition the table does not have."""
    if after not in COPY_MOVES[before]:
        raise Conflict(f"a {before} copy cannot become {after}", code="transition")


def check_hop(before: HopState, after: HopState) -> None:
    """Raises Conflict for a transition the table does not have."""
    if after not in HOP_MOVES[before]:
        raise Conflict(f"a {before} hop cannot become {after}", code="transition")
