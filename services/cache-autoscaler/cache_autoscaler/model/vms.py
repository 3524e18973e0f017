"""A transport VM's life: one table of transitions, who moves it on, and until when. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from stowage_contracts.caching import VmPhase, VmState
from stowage_contracts.errors import Conflict

COMING = frozenset({VmState.ORDERED, VmState.STARTING, VmState.PROBING})
"""Ordered, and never offered yet."""


@dataclass(frozen=True)
class Stage:
    """One state: where it leads, who moves it on, and what its deadline brings."""

    to: frozenset[VmState]
    owner: str
    overdue: str


_END = {VmState.DESTROYING, VmState.GONE}
LIFE: Mapping[VmState, Stage] = {
    VmState.ORDERED: Stage(
        to=frozenset({VmState.STARTING, VmState.PROBING, *_END}),
        owner="its host, which begins it or lets the order expire",
        overdue="a failed spawn: destroyed",
    ),
    VmState.STARTING: Stage(
        to=frozenset({VmState.PROBING, *_END}),
        owner="its host, which mounts it until it answers",
        overdue="a failed spawn: destroyed",
    ),
    VmState.PROBING: Stage(
        to=frozenset({VmState.OFFERED, *_END}),
        owner="the intent that writes and reads on it",
        overdue="a failed spawn: destroyed",
    ),
    VmState.OFFERED: Stage(
        to=frozenset({VmState.DRAINING, *_END}),
        owner="the controller of its fleet",
        overdue="unheard it is told as silent, unwell it is replaced",
    ),
    VmState.DRAINING: Stage(
        to=frozenset({VmState.OFFERED, *_END}),
        owner="the copies that still need it",
        overdue="told as late; destroyed once no copy needs it",
    ),
    VmState.DESTROYING: Stage(
        to=frozenset({VmState.GONE}), owner="its host, which proves it gone", overdue="asked again"
    ),
    VmState.GONE: Stage(to=frozenset(), owner="nobody", overdue="-"),
}


@dataclass(frozen=True)
class Times:
    """Seconds a VM may stay in one state."""

    ordered: float = 90
    starting: float = 300
    probing: float = 120
    silent: float = 30
    """Without a word of its host until that is told."""
    repeat: float = 30
    """Between two orders to destroy it."""


def deadline(state: VmState, since: datetime, times: Times, drain_seconds: float = 0) -> datetime:
    """Until when a VM may stay as it is; for OFFERED, when its host has to be heard again.

    ``drain_seconds`` are its fleet's, and count for DRAINING only.
    """
    seconds = {
        VmState.ORDERED: times.ordered,
        VmState.STARTING: times.starting,
        VmState.PROBING: times.probing,
        VmState.OFFERED: times.silent,
        VmState.DRAINING: drain_seconds,
        VmState.DESTROYING: times.repeat,
    }
    return since + timedelta(seconds=seconds.get(state, 0))


def check_move(vm_id: str, state: VmState, to: VmState) -> None:
    """Raises Conflict where the table has no such way."""
    if to not in LIFE[state].to:
        raise Conflict(
            f"a VM that is {state} does not become {to}",
            resource=f"transport_vm/{vm_id}",
            code="state",
        )


def told(state: VmState, phase: VmPhase) -> VmState:
    """What its host's word makes of it; late and repeated words change nothing."""
    found = _MEANT[phase]
    return found if found in LIFE[state].to else state


_MEANT: Mapping[VmPhase, VmState] = {
    VmPhase.STARTING: VmState.STARTING,
    VmPhase.READY: VmState.PROBING,
    VmPhase.UNWELL: VmState.STARTING,
    VmPhase.FAILED: VmState.DESTROYING,
    VmPhase.GONE: VmState.GONE,
}
