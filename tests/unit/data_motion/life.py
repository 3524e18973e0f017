"""What must be true of a copy, whatever happens to it: the base of its state machine."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from data_motion import model
from data_motion.model.limits import Limits, Rules
from data_motion.model.plan import Decision
from data_motion.model.states import (
    COPY_MOVES,
    HOLDS_SLOTS,
    HOP_MOVES,
    LEASED,
    CopyState,
    HopState,
    ended,
)
from data_motion.model.turn import Step
from data_motion.records import HopRecord, Job
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant
from stowage_contracts.message import Message
from stowage_contracts.messages.data_motion import (
    CommitHop,
    CopyCancelled,
    CopyCompleted,
    CopyFailed,
)
from stowage_contracts.messages.hypervisor_agent import ExecuteHop
from stowage_contracts.plugins.data_motion_strategy import HopLeg, MotionPlan

from tests.unit.data_motion.build import DIGEST, NOW, RULES, asked, image, pool, xen

ENDS = (CopyCompleted, CopyFailed, CopyCancelled)
STAGED = MotionPlan(hops=(HopLeg(destination_is_cache=True), HopLeg(source_is_cache=True)))
ONE_HOP = MotionPlan(hops=(HopLeg(),))


def leads(table: Mapping[Any, set[Any]], first: Any, last: Any) -> bool:
    """Whether one step, which may pass through several states, can lead there."""
    reached: set[Any] = set()
    left = [first]
    while left:
        for state in table[left.pop()] - reached:
            reached.add(state)
            left.append(state)
    return last in reached


class Life(RuleBasedStateMachine):
    """What is known of a copy and was heard of it; every step is checked."""

    @initialize(staged=st.booleans(), tries=st.integers(2, 6))
    def requested(self, staged: bool, tries: int) -> None:
        self.law = Rules(Limits(max_attempts=tries), RULES.sign)  # "rules" is hypothesis's own
        self.now = NOW
        self.heard: list[CopyCompleted | CopyFailed | CopyCancelled] = []
        self.offers: list[ExecuteHop] = []
        self.commits: dict[tuple[str, int], CommitHop] = {}
        self.askers = 1
        job = model.begin(asked("c1", image(), pool(xen()) if staged else image("nfs")), NOW)
        decision = Decision((), "any", STAGED if staged else ONE_HOP)
        self.job = job
        self._take(model.plan(job, decision, NOW, self.law))

    def _take(self, step: Step) -> None:
        before, self.job = self.job, step.job
        for said in step.say:
            self._hear(said.message)
        for hop in before.hops:
            later = self.job.hop(hop.id)
            assert later is not None
            assert later.epoch >= hop.epoch
            assert later.generation >= hop.generation
            assert later.state is hop.state or leads(HOP_MOVES, hop.state, later.state)
        was, now = before.copy.state, self.job.copy.state
        assert now is was or leads(COPY_MOVES, was, now)

    def _hear(self, message: Message) -> None:
        if isinstance(message, ExecuteHop):
            assert message.epoch not in {o.epoch for o in self.offers if self._same(o, message)}
            self.offers.append(message)
        if isinstance(message, CommitHop):
            hop = self.job.hop(message.hop_id)
            assert hop is not None
            assert hop.epoch == message.epoch
            self.commits[message.hop_id, message.epoch] = message
        if isinstance(message, ENDS):
            assert message.state.id not in {end.state.id for end in self.heard}
            self.heard.append(message)

    @staticmethod
    def _same(one: ExecuteHop, other: ExecuteHop) -> bool:
        return one.hop_id == other.hop_id

    def _pending(self) -> HopRecord | None:
        hops = (h for h in self.job.hops if h.state is HopState.PENDING and h.retry_at)
        return next(hops, None)

    def _held(self) -> HopRecord | None:
        return next((h for h in self.job.hops if h.state in HOLDS_SLOTS), None)

    @invariant()
    def an_ended_copy_has_no_live_hop_and_told_every_asker_once(self) -> None:
        if self.job.live:
            return
        assert all(ended(hop.state) for hop in self.job.hops)
        assert {end.state.id for end in self.heard} == {a.id for a in self.job.askers}

    @invariant()
    def done_means_that_the_last_hop_is_committed(self) -> None:
        if self.job.copy.state is CopyState.DONE:
            assert self.job.hops[-1].state is HopState.COMMITTED
            assert self.job.copy.digest == DIGEST

    @invariant()
    def at_most_one_hop_is_under_way(self) -> None:
        busy = [h for h in self.job.hops if not ended(h.state) and h.retry_at is None]
        assert len([h for h in busy if h.state is not HopState.PENDING]) <= 1

    @invariant()
    def a_paused_copy_holds_no_slot_and_is_offered_to_nobody(self) -> None:
        if self.job.copy.state is CopyState.PAUSED:
            assert self.job.copy.paused
            assert self._held() is None
            assert self._pending() is None

    @invariant()
    def nobody_yields_without_a_lease_or_a_deadline(self) -> None:
        for hop in self.job.hops:
            if hop.yields_to:
                assert hop.state in LEASED
            if hop.yielding and hop.state in LEASED:
                assert hop.deadline is not None

    @invariant()
    def the_timeline_is_bounded_and_in_order(self) -> None:
        times = [moment.at for moment in self.job.copy.timeline]
        assert times == sorted(times)
        assert len(times) <= 200

    @invariant()
    def nothing_live_is_without_a_deadline(self) -> None:
        if self.job.live:
            assert self._deadline(self.job) is not None

    @staticmethod
    def _deadline(job: Job) -> datetime | None:
        if job.copy.awaits_cache or job.copy.state is CopyState.PAUSED:
            return job.copy.deadline
        return job.current.due if job.current else job.copy.deadline
