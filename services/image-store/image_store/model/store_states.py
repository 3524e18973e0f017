"""What may be asked of a store in each of its states, and how a state changes."""

from enum import StrEnum

from stowage_contracts.errors import Conflict, GrantRefused, StowageError, Unavailable
from stowage_contracts.values import StoreState


class Verb(StrEnum):
    """What is done with a store; every one is asked of ``check`` and of nothing else."""

    PLACE = "place"
    """Choose it for something new."""
    WRITE = "write"
    """Begin to write what was placed there."""
    CONTINUE = "continue"
    """Go on with a write that has begun."""
    COMMIT = "commit"
    """Show what was written whole."""
    TAKE = "take"
    """Delete objects, give up writes, keep notes."""
    READ = "read"


_S = StoreState
_STORES_BYTES = frozenset({_S.UP, _S.DEGRADED, _S.READ_ONLY, _S.DRAINING})
MAY: dict[Verb, frozenset[StoreState]] = {
    Verb.PLACE: frozenset(state for state in _S if state.writable),
    Verb.WRITE: frozenset(state for state in _S if state.writable),
    Verb.CONTINUE: frozenset({_S.UP, _S.DEGRADED}),
    Verb.COMMIT: _STORES_BYTES,
    Verb.TAKE: _STORES_BYTES,
    Verb.READ: frozenset(state for state in _S if state.readable),
}
_REFUSAL: dict[Verb, type[StowageError]] = {
    Verb.PLACE: Conflict,
    Verb.WRITE: GrantRefused,
    Verb.CONTINUE: GrantRefused,
    Verb.COMMIT: Unavailable,
    Verb.TAKE: Unavailable,
    Verb.READ: GrantRefused,
}

CHANGES: dict[StoreState, frozenset[StoreState]] = dict.fromkeys(
    _STORES_BYTES | {_S.DISABLED}, frozenset({_S.UP, _S.READ_ONLY, _S.DRAINING, _S.DISABLED})
)
"""What an operator may make of a store; Degraded comes and goes with its probes alone."""


def check(verb: Verb, state: StoreState, store_id: str) -> None:
    """Raises what its caller may try again, if a store of that state does not take the verb."""
    if state not in MAY[verb]:
        raise _REFUSAL[verb](
            f"the store is {state}",
            resource=f"store/{store_id}",
            code="store_state",
            hint="wait until it is Up, or name another store",
        )


def changed(state: StoreState, wished: StoreState) -> StoreState:
    """The state after an operator's wish; raises Conflict when it may not be wished.

    A degraded store that shall take or serve bytes stays degraded until a probe has passed.
    """
    if wished not in CHANGES.get(state, frozenset()):
        raise Conflict(f"a store that is {state} cannot be made {wished}", code="transition")
    stays = state is _S.DEGRADED and wished in {_S.UP, _S.READ_ONLY}
    return state if stays else wished


def probed(state: StoreState, wished: StoreState, *, good: bool) -> StoreState:
    """The state after a probe; what an operator wished for outlives the health."""
    if state in {_S.DRAINING, _S.DISABLED}:
        return state
    if not good:
        return _S.REMOVED if state is _S.ADDING else _S.DEGRADED
    if state is _S.DEGRADED:
        return wished
    return _S.UP if state is _S.ADDING else state


class Mode(StrEnum):
    """What a store's life cycle knows of its state."""

    OPEN = "open"
    DRAIN = "drain"
    MAINTAIN = "maintain"


def mode_of(state: StoreState) -> Mode:
    """What a life cycle is told of a state."""
    return {_S.DRAINING: Mode.DRAIN, _S.DISABLED: Mode.MAINTAIN}.get(state, Mode.OPEN)


def steps(told: Mode, now: Mode) -> tuple[str, ...]:
    """The life cycle's methods that lead from what it was told to what is."""
    if told is now:
        return ()
    if now is Mode.MAINTAIN:
        return ("maintain",)
    back = ("cancel_maintain",) if told is not Mode.OPEN else ()
    return back if now is Mode.OPEN else (*back, "drain")
