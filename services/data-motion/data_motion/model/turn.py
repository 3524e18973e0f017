"""One step in the making: what changed in a job, and what is to be said of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from stowage_contracts.message import Message
from stowage_contracts.messages.data_motion import (
    CopyChanged,
    CopyPlanned,
    CopyProgressed,
    CopyStarted,
)
from stowage_contracts.views import CopyView, Moment

from data_motion.model.limits import Limits, Rules
from data_motion.model.states import LEASED, CopyState, HopState, check_copy, check_hop
from data_motion.model.timeline import noted
from data_motion.records import AskerRecord, CopyRecord, HopRecord, Job
from data_motion.views import copy_view, figures


@dataclass(frozen=True)
class Said:
    """A message for the outbox; ``to`` is a command's address."""

    message: Message
    to: str = ""


@dataclass(frozen=True)
class Reserve:
    """Ask the caches for space, ``after`` some seconds, at most until ``until``."""

    after: float
    until: datetime


@dataclass(frozen=True)
class Step:
    """The outcome of a rule: the job as it now is and what follows from it."""

    job: Job
    say: tuple[Said, ...] = ()
    signals: tuple[Message, ...] = ()
    reserve: Reserve | None = None


class Turn:
    """Collects the changes of one step; refuses transitions the tables do not have."""

    def __init__(self, job: Job, now: datetime, rules: Rules) -> None:
        self.job, self.now, self.rules = job, now, rules
        self._said: list[Said] = []
        self._signals: list[Message] = []
        self.reserve: Reserve | None = None

    @property
    def copy(self) -> CopyRecord:
        """The copy as it is by now."""
        return self.job.copy

    @property
    def limits(self) -> Limits:
        """All deadlines and counts."""
        return self.rules.limits

    def later(self, seconds: float) -> datetime:
        """``seconds`` from now."""
        return self.now + timedelta(seconds=seconds)

    def change(self, **fields: Any) -> None:
        """Change columns of the copy."""
        self.job = replace(self.job, copy=self.copy.having(**fields))

    def enter(self, state: CopyState, **fields: Any) -> None:
        """Move the copy to ``state``; raises Conflict if it can't go there."""
        check_copy(self.copy.state, state)
        self.change(state=state, **fields)

    def note(self, what: str, text: str = "") -> None:
        """Add a moment to the copy's timeline."""
        moment = Moment(at=self.now, what=what, text=text)
        self.change(timeline=noted(self.copy.timeline, moment))

    def put(self, hop: HopRecord, **fields: Any) -> HopRecord:
        """Change columns of a hop, or add it."""
        hop = hop.having(**fields)
        self.job = self.job.with_hops((hop.having(due=self._due(hop)),))
        return hop

    def move(self, hop: HopRecord, *states: HopState, **fields: Any) -> HopRecord:
        """Take a hop through ``states``; raises Conflict if it can't go there."""
        for state in states:
            check_hop(hop.state, state)
            hop = hop.having(state=state)
        return self.put(hop, **fields)

    def put_asker(self, asker: AskerRecord) -> None:
        """Change or add an asker."""
        by_id = {a.id: a for a in (*self.job.askers, asker)}
        self.job = replace(self.job, askers=tuple(by_id.values()))

    def command(self, message: Message, to: str) -> None:
        """Say a command."""
        self._said.append(Said(message, to))

    def event(self, make: Callable[[CopyView, AskerRecord], Message]) -> None:
        """Say an event once for each active asker, with the copy as it is by now."""
        for asker in self.job.active:
            self.tell(asker, make)

    def tell(self, asker: AskerRecord, make: Callable[[CopyView, AskerRecord], Message]) -> None:
        """Say an event for one asker."""
        self._said.append(Said(make(copy_view(self.job, asker), asker)))

    def planned(self) -> None:
        """Say how it is planned and what it waits for."""
        self.event(lambda view, _: CopyPlanned(state=view))

    def started(self) -> None:
        """Say who moves it now."""
        self.event(lambda view, _: CopyStarted(state=view))

    def changed(self) -> None:
        """Say that it was steered."""
        self.event(lambda view, _: CopyChanged(state=view))

    def progressed(self, *, always: bool = False) -> None:
        """Signal live figures, at most once a second."""
        self.change(transfer=figures(self.job))
        last, hop = self.copy.signalled, self.job.current
        if not always and last is not None and (self.now - last).total_seconds() < 1:
            return
        self.change(signalled=self.now)
        # The copy's own id goes on even when its first asker left: pins hang on it.
        for copy_id in {self.copy.id, *(a.id for a in self.job.active)}:
            self._signals.append(
                CopyProgressed(
                    copy_id=copy_id,
                    state=self.copy.state,
                    hop_id=hop.id if hop else None,
                    transfer=self.copy.transfer,
                )
            )

    def step(self) -> Step:
        """Everything collected."""
        return Step(self.job, tuple(self._said), tuple(self._signals), self.reserve)

    def _due(self, hop: HopRecord) -> datetime | None:
        times: tuple[datetime | None, ...] = ()
        if hop.state is HopState.PENDING:
            lost = hop.unreachable_since
            gone = lost + timedelta(seconds=self.limits.host_return_seconds) if lost else None
            times = (hop.deadline, gone, hop.nudge_at)
        elif hop.state in LEASED:
            times = (hop.lease_until, self.stalls_at(hop), hop.deadline, hop.nudge_at)
        elif hop.state is HopState.COMMITTING:
            times = (hop.deadline, hop.nudge_at)
        return min((time for time in times if time is not None), default=None)

    def stalls_at(self, hop: HopRecord) -> datetime | None:
        """When a hop without a new byte counts as stalled; the agent itself notices earlier."""
        if hop.state is not HopState.MOVING or hop.bytes_at is None:
            return None
        if hop.transfer.phase in QUIET_PHASES:
            return None
        limit = self.copy.bytes_per_second
        slowed = IN_FLIGHT / limit if limit else 0
        return hop.bytes_at + timedelta(seconds=2 * self.limits.stall_seconds + slowed)


IN_FLIGHT = 32 << 20
"""Bytes that may have arrived just before a limit was set, and are waited for under it."""
QUIET_PHASES = frozenset({"awaiting", "converting", "verifying"})
"""Phases in which no byte crosses the wire; awaiting its feeders has limits of its own."""
