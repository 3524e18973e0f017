"""Any order of messages, repeated, late or missing: what must be true of a copy stays true."""

from datetime import timedelta
from random import Random

from data_motion import model
from data_motion.model import finishing, leases, staging, steering, sweeping
from data_motion.model.leases import Held, Placed
from data_motion.model.preempting import Waiting, may
from data_motion.model.states import LEASED, CopyState, HopState
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from stowage_contracts.errors import OutOfSpace, Problem, SourceChanged, SourceRefused, Stalled
from stowage_contracts.messages.cache_autoscaler import CacheAnswer, CacheReserved
from stowage_contracts.messages.data_motion import (
    ChangeCopy,
    HopCommitFailed,
    PauseCopy,
    RerouteCopy,
    ResumeCopy,
)

from tests.unit.data_motion.build import (
    DIGEST,
    OTHER_DIGEST,
    asked,
    cached,
    made_visible,
    moved,
    receipt,
    reported,
    stopped,
    withdraw,
)
from tests.unit.data_motion.life import Life

FAILURES: list[Problem] = [
    Stalled("no byte").problem,
    OutOfSpace("full").problem,
    SourceChanged("other ETag").problem,
    SourceRefused("gone").problem,
]
DELAYS = st.sampled_from([0.5, 3, 11, 21, 61, 700])


class CopyLife(Life):
    """A copy among agents and owners that say anything they ever could, at any time."""

    @rule(steps=st.integers(1, 6))
    def goes_well(self, steps: int) -> None:
        """Without it, hardly any of the random lives would get far."""
        for _ in range(steps):
            hop = self.job.current
            if not self.job.live:
                return
            if self.job.copy.paused:
                self.resumed(1)
            elif hop is None or self.job.copy.awaits_cache:
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
            staging.reserved(
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

    @rule(gone=st.booleans())
    def cache_lost(self, gone: bool) -> None:
        cache = staging.Lost("cache1", "cache store cache1 is lost", gone)
        self._take(staging.lost(self.job, cache, self.now, self.law))
        held = self._held()
        if gone and self.job.live and held is not None:
            assert not held.fills
            assert not held.reads_cache or held.state is HopState.COMMITTING

    @precondition(lambda self: self._pending() is not None)
    @rule(host=st.sampled_from(["kvm1", "kvm2"]))
    def offered(self, host: str) -> None:
        hop = self._pending()
        assert hop is not None
        placed = Placed(host, f"boot-{host}", "chosen", (f"host:{host}",))
        self._take(leases.offer(self.job, hop, placed, self.now, self.law))

    @precondition(lambda self: self._pending() is not None)
    @rule(patient=st.booleans(), gone=st.booleans())
    def not_placed(self, patient: bool, gone: bool) -> None:
        hop = self._pending()
        assert hop is not None
        slots = None if patient or gone else ("host:kvm1",)
        held = Held("a slot", slots, unreachable=gone, patient=patient)
        self._take(leases.wait(self.job, hop, held, self.now, self.law))

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

    @rule(number=st.integers(1, 4))
    def paused(self, number: int) -> None:
        message = PauseCopy(copy_id=f"c{number}", reason="by night")
        self._take(steering.pause(self.job, message, self.now, self.law))
        if self.job.copy.paused:
            assert self.job.copy.state is CopyState.PAUSED or self._held()

    @rule(number=st.integers(1, 4))
    def resumed(self, number: int) -> None:
        message = ResumeCopy(copy_id=f"c{number}")
        self._take(steering.resume(self.job, message, self.now, self.law))
        assert not self.job.copy.paused
        assert self.job.copy.state is not CopyState.PAUSED

    @rule(priority=st.integers(-10, 10), speed=st.sampled_from([None, 0, 1 << 20]))
    def changed(self, priority: int, speed: int | None) -> None:
        message = ChangeCopy(copy_id="c1", priority=priority, bytes_per_second=speed)
        self._take(steering.change(self.job, message, self.now, self.law))

    @rule(host=st.sampled_from([None, "kvm1", "kvm2"]))
    def rerouted(self, host: str | None) -> None:
        message = RerouteCopy(copy_id="c1", host_id=host)
        self._take(steering.reroute(self.job, message, self.now, self.law))

    @rule(host=st.sampled_from(["kvm1", "kvm2"]))
    def drained(self, host: str) -> None:
        self._take(steering.drained(self.job, host, "new kernel", self.now, self.law))

    @precondition(lambda self: self._held() is not None)
    @rule()
    def pre_empted(self) -> None:
        hop = self._held()
        assert hop is not None
        if may(hop):
            by = Waiting("other-hop", "other", 10)
            self._take(steering.preempted(self.job, hop, by, self.now, self.law))
            asked = self.job.hop(hop.id)
            assert asked is not None
            assert (asked.state in LEASED, asked.yields_to) == (True, "other-hop")
        else:
            assert hop.yielding or hop.state not in LEASED or hop.transfer.bytes_done

    @precondition(lambda self: self.offers)
    @rule(pick=st.randoms(use_true_random=False), length=st.integers(1, 8 << 20))
    def yielded(self, pick: Random, length: int) -> None:
        """Also of old epochs, repeated, or unasked."""
        message = stopped(pick.choice(self.offers), (0, length))
        self._take(steering.yielded(self.job, message, self.now, self.law))

    @rule(seconds=DELAYS)
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self._take(sweeping.sweep(self.job, self.now, self.law))

    @rule()
    def was_away(self) -> None:
        self._take(sweeping.extend(self.job, self.now, self.law))

    def teardown(self) -> None:
        """Left alone, a copy ends by itself."""
        for _ in range(40):
            if not hasattr(self, "job") or not self.job.live:
                return
            self.time_passes(3_000_000)
        raise AssertionError(f"still {self.job.copy.state} after all its deadlines")


TestAnyOrderOfMessages = CopyLife.TestCase
TestAnyOrderOfMessages.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
