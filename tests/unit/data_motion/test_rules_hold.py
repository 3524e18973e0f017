"""Any order of messages, repeated, late or missing: what must be true of a copy stays true."""

from datetime import datetime, timedelta
from random import Random

from data_motion import model
from data_motion.model import finishing, leases, sweeping
from data_motion.model.leases import Placed
from data_motion.model.limits import Limits, Rules
from data_motion.model.plan import Decision
from data_motion.model.states import CopyState, HopState, ended
from data_motion.model.turn import Step
from data_motion.records import HopRecord, Job
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from stowage_contracts.errors import OutOfSpace, Problem, SourceChanged, SourceRefused, Stalled
from stowage_contracts.message import Message
from stowage_contracts.messages.cache_autoscaler import CacheAnswer, CacheReserved
from stowage_contracts.messages.data_motion import (
    CommitHop,
    CopyCancelled,
    CopyCompleted,
    CopyFailed,
    HopCommitFailed,
)
from stowage_contracts.messages.hypervisor_agent import ExecuteHop
from stowage_contracts.plugins.data_motion_strategy import HopLeg, MotionPlan

from tests.unit.data_motion.build import (
    DIGEST,
    NOW,
    OTHER_DIGEST,
    RULES,
    asked,
    cached,
    image,
    made_visible,
    moved,
    pool,
    receipt,
    reported,
    withdraw,
    xen,
)

FAILURES: list[Problem] = [
    Stalled("no byte").problem,
    OutOfSpace("full").problem,
    SourceChanged("other ETag").problem,
    SourceRefused("gone").problem,
]
ENDS = (CopyCompleted, CopyFailed, CopyCancelled)
STAGED = MotionPlan(hops=(HopLeg(destination_is_cache=True), HopLeg(source_is_cache=True)))
ONE_HOP = MotionPlan(hops=(HopLeg(),))
DELAYS = st.sampled_from([0.5, 3, 11, 21, 61, 700])


class CopyLife(RuleBasedStateMachine):
    """A copy among agents and owners that say anything they ever could, at any time."""

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

    @rule(steps=st.integers(1, 6))
    def goes_well(self, steps: int) -> None:
        """Without it, hardly any of the random lives would get far."""
        for _ in range(steps):
            hop = self.job.current
            if not self.job.live:
                return
            if hop is None:
                self.caches_answer(CacheAnswer.FILL)
            elif hop.state is HopState.PENDING:
                self.offered("kvm1")
            elif hop.state is HopState.COMMITTING:
                self._take(
                    finishing.committed(self.job, made_visible(self.offers[-1]), self.now, self.law)
                )
            else:
                message = reported(self.offers[-1])
                self._take(finishing.finished(self.job, message, self.now, self.law))

    @rule(answer=st.sampled_from(CacheAnswer))
    def caches_answer(self, answer: CacheAnswer) -> None:
        ends = (cached("g-read"), cached("g-write"))
        given = answer in {CacheAnswer.READY, CacheAnswer.FILL}
        source, destination = ends if given else (None, None)
        self._take(
            model.reserved(
                self.job,
                CacheReserved(
                    copy_id="c1",
                    answer=answer,
                    reason="as told",
                    source=source,
                    destination=destination,
                ),
                self.now,
                self.law,
            )
        )

    @precondition(lambda self: self._pending() is not None)
    @rule(host=st.sampled_from(["kvm1", "kvm2"]))
    def offered(self, host: str) -> None:
        hop = self._pending()
        assert hop is not None
        placed = Placed(host, f"boot-{host}", "chosen", (f"host:{host}",))
        self._take(leases.offer(self.job, hop, placed, self.now, self.law))

    @precondition(lambda self: self.offers)
    @rule(pick=st.randoms(use_true_random=False), done=st.integers(0, 8 << 20))
    def progress(self, pick: Random, done: int) -> None:
        message = moved(pick.choice(self.offers), done)
        self._take(leases.progressed(self.job, message, self.now, self.law))

    @precondition(lambda self: self.offers)
    @rule(pick=st.randoms(use_true_random=False), good=st.booleans())
    def verified(self, pick: Random, good: bool) -> None:
        told = receipt(digest=DIGEST if good else OTHER_DIGEST)
        message = reported(pick.choice(self.offers), receipt=told)
        self._take(finishing.finished(self.job, message, self.now, self.law))

    @precondition(lambda self: self.offers)
    @rule(pick=st.randoms(use_true_random=False), error=st.sampled_from(FAILURES))
    def hop_failed(self, pick: Random, error: Problem) -> None:
        message = reported(pick.choice(self.offers), error=error)
        self._take(finishing.finished(self.job, message, self.now, self.law))

    @precondition(lambda self: self.offers)
    @rule(pick=st.randoms(use_true_random=False))
    def committed(self, pick: Random) -> None:
        message = made_visible(pick.choice(self.offers))
        done = self.job.copy.state is CopyState.DONE
        self._take(finishing.committed(self.job, message, self.now, self.law))
        if self.job.copy.state is CopyState.DONE and not done:
            assert (message.hop_id, message.epoch) in self.commits

    @precondition(lambda self: self.offers)
    @rule(pick=st.randoms(use_true_random=False), error=st.sampled_from(FAILURES))
    def commit_failed(self, pick: Random, error: Problem) -> None:
        offer = pick.choice(self.offers)
        message = HopCommitFailed(hop_id=offer.hop_id, copy_id="c1", epoch=offer.epoch, error=error)
        self._take(finishing.commit_failed(self.job, message, self.now, self.law))

    @rule()
    def joined_by_another(self) -> None:
        if self.job.live:
            self.askers += 1
            message = asked(f"c{self.askers}")
            self._take(model.join(self.job, message, self.now, self.law))

    @rule(number=st.integers(1, 4))
    def cancelled(self, number: int) -> None:
        committing = any(h.state is HopState.COMMITTING for h in self.job.hops)
        live = self.job.live
        self._take(model.cancel(self.job, withdraw(f"c{number}"), self.now, self.law))
        if committing and live:
            assert self.job.live

    @rule(host=st.sampled_from(["kvm1", "kvm2"]), boot=st.sampled_from(["a", "b"]))
    def host_restarted(self, host: str, boot: str) -> None:
        if self.job.live:
            self._take(leases.rejoined(self.job, host, boot, self.now, self.law))

    @rule(seconds=DELAYS)
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self._take(sweeping.sweep(self.job, self.now, self.law))

    @rule()
    def was_away(self) -> None:
        self._take(sweeping.extend(self.job, self.now, self.law))

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
    def nothing_live_is_without_a_deadline(self) -> None:
        if self.job.live:
            assert self._deadline(self.job) is not None

    @staticmethod
    def _deadline(job: Job) -> datetime | None:
        return job.current.due if job.current else job.copy.deadline

    def teardown(self) -> None:
        """Left alone, a copy ends by itself."""
        for _ in range(40):
            if not hasattr(self, "job") or not self.job.live:
                return
            self.time_passes(100_000)
        raise AssertionError(f"still {self.job.copy.state} after all its deadlines")


TestAnyOrderOfMessages = CopyLife.TestCase
TestAnyOrderOfMessages.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
