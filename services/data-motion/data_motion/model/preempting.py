"""Whose slot a hop of higher priority gets; pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from stowage_contracts.values import Id, Transfer, Value

from data_motion.model.leases import Placed
from data_motion.model.placing import Fleet, Placer
from data_motion.model.states import LEASED, HopState
from data_motion.model.turn import QUIET_PHASES
from data_motion.records import HopRecord, Job

NEARLY = 0.95
"""A hop that has done so much ends soon by itself."""
MOST_TRIED = 64


class Running(Value):
    """A hop that holds slots, and how much its copy matters."""

    id: Id
    copy_id: Id
    priority: int
    state: HopState
    slots: tuple[str, ...]
    transfer: Transfer
    yielding: str
    yields_to: Id | None


@dataclass(frozen=True)
class Waiting:
    """A hop that found no slot."""

    id: str
    copy_id: str
    priority: int


def victims(
    job: Job, waiting: Waiting, running: Iterable[Running], placing: tuple[Placer, Fleet]
) -> Iterator[Running]:
    """Hops whose slots alone let ``waiting`` be placed, what matters least first; none where none
    matters less than that, or one yields to it already."""
    among, hop = tuple(running), job.hop(waiting.id)
    if hop is None or any(one.yields_to == waiting.id for one in among):
        return
    placer, fleet = placing
    lesser = (one for one in among if one.priority < waiting.priority and may(one))
    for one in sorted(lesser, key=_loss)[:MOST_TRIED]:
        if isinstance(placer.place(hop, job.copy, _without(fleet, one)), Placed):
            yield one


def may(one: Running | HopRecord) -> bool:
    """Whether a hop can be stopped, and it is worth while."""
    if one.yielding or one.state not in LEASED:
        return False
    figures = one.transfer
    nearly = figures.bytes_total and figures.bytes_done >= NEARLY * figures.bytes_total
    return not nearly and figures.phase not in QUIET_PHASES


def _loss(one: Running) -> tuple[int, bool, int, str]:
    """Lowest priority first, then what has hardly begun."""
    begun = one.state is not HopState.OFFERED
    return one.priority, begun, one.transfer.bytes_done, one.id


def _without(fleet: Fleet, one: Running) -> Fleet:
    used = {slot: count - (slot in one.slots) for slot, count in fleet.used.items()}
    return replace(fleet, used=used)
