"""The rules of a copy, pure: (job, message, now, rules) → step.

``leases`` has those of a hop under way, ``steering`` of what people order meanwhile, ``sweeping``
of its deadlines, ``finishing`` of its end, ``endings`` those of the copy's end, ``staging`` of
caches on the way.
"""

from datetime import datetime

from stowage_contracts.errors import Problem
from stowage_contracts.messages.data_motion import CancelCopy, CopyPlanned
from stowage_contracts.messages.image_store import CopyRequested
from stowage_contracts.values import EndKind, Id, StoreRole
from stowage_contracts.views import StrategyAnswer

from data_motion.model import endings, steering
from data_motion.model.limits import Rules
from data_motion.model.plan import Decision
from data_motion.model.stages import add_hops
from data_motion.model.states import AskerState, CopyState, HopState
from data_motion.model.turn import Step, Turn
from data_motion.model.waiting import wait_for_caches
from data_motion.records import AskerRecord, CopyRecord, HopRecord, Job


def source_key(request: CopyRequested) -> str:
    """What makes two sources the same bytes."""
    end = request.source
    known = request.digest if end.kind is EndKind.STORE and request.digest else end.grant.id
    return f"{end.object}|{known}"


def destination_key(request: CopyRequested) -> str:
    """What makes two destinations the same object; a prefetch of another time is another one."""
    end = request.destination
    if end.role is StoreRole.IMAGE_CACHE:
        return f"cache {end.scope.type} {end.scope.id}|{end.format}|{request.hold_seconds:g}"
    return f"{request.destination.store_id}|{request.destination.key}"


def begin(request: CopyRequested, now: datetime) -> Job:
    """A new transfer with its first asker."""
    copy = CopyRecord(
        id=request.copy_id,
        source_key=source_key(request),
        destination_key=destination_key(request),
        request=request,
        account_id=request.account_id,
        priority=request.priority,
        created=now,
    )
    return Job(copy, (_asker(copy.id, request, now),))


def join(job: Job, request: CopyRequested, now: datetime, rules: Rules) -> Step:
    """Another asker of the same bytes at the same place shares the transfer."""
    turn, asker = Turn(job, now, rules), _asker(job.copy.id, request, now)
    if any(known.id == asker.id for known in job.askers):
        return turn.step()
    if job.copy.cancelling:
        for withdrawn in job.active:
            endings.detach(turn, withdrawn)
    turn.put_asker(asker)
    turn.change(priority=max(job.copy.priority, request.priority), cancelling="")
    turn.note("joined", f"by {asker.object}, copy {asker.id}")
    if job.copy.paused:
        steering.go_on(turn, f"copy {asker.id} wants it now")
    turn.tell(asker, lambda view, _: CopyPlanned(state=view))
    return turn.step()


def asked_again(job: Job, asker_id: Id, now: datetime, rules: Rules) -> Step:
    """A request that was taken already: if it has ended, its end may have been lost."""
    turn = Turn(job, now, rules)
    for asker in job.askers:
        if asker.id == asker_id:
            endings.retell(turn, asker)
    return turn.step()


def already_there(job: Job, now: datetime, rules: Rules) -> Step:
    """Nothing to move: the destination is Ready."""
    turn = Turn(job, now, rules)
    turn.change(
        answers=(
            StrategyAnswer(
                strategy="none", priority=0, reason="the object is already there", chosen=True
            ),
        )
    )
    endings.complete(turn, None)
    return turn.step()


def plan(job: Job, decision: Decision, now: datetime, rules: Rules) -> Step:
    """Keep every strategy's answer; refuse at once when none can handle it."""
    turn = Turn(job, now, rules)
    turn.change(answers=decision.answers, strategy=decision.strategy, plan=decision.plan)
    turn.note("requested", f"priority {job.copy.priority}")
    if decision.problem is not None:
        endings.fail(turn, decision.problem)
        return turn.step()
    turn.enter(CopyState.PLANNED)
    turn.note("planned", _told(decision))
    if not decision.plan.hops:
        endings.complete(turn, None)
    elif any(leg.destination_is_cache for leg in decision.plan.hops):
        wait_for_caches(turn)
    else:
        add_hops(turn, [(job.copy.request.source, job.copy.request.destination)])
        turn.planned()
    return turn.step()


def give_up(job: Job, problem: Problem, now: datetime, rules: Rules) -> Step:
    """Something outside the hops failed for good."""
    turn = Turn(job, now, rules)
    if job.live and not _committing(job):
        endings.fail(turn, problem)
    return turn.step()


def cancel(job: Job, message: CancelCopy, now: datetime, rules: Rules) -> Step:
    """Detach one asker; the last one stops the transfer, unless it is being committed."""
    turn = Turn(job, now, rules)
    asker = next((a for a in job.active if a.id == message.copy_id), None)
    if not job.live or asker is None:
        return turn.step()
    committing = _committing(job)
    if len(job.active) > 1:
        endings.detach(turn, asker)
    elif committing is None:
        endings.stop(turn)
    elif committing.ordinal < len(job.hops) - 1:
        turn.change(cancelling=message.reason)
    else:
        turn.change(waiting_for="the commit, which is under way: too late to cancel")
        turn.started()
    return turn.step()


def _asker(copy_id: str, request: CopyRequested, now: datetime) -> AskerRecord:
    return AskerRecord(
        id=request.copy_id,
        copy_id=copy_id,
        account_id=request.account_id,
        object=request.destination.object,
        destination=request.destination,
        state=AskerState.ACTIVE,
        created=now,
    )


def _told(decision: Decision) -> str:
    reasons = (answer.reason for answer in decision.answers if answer.chosen)
    return f"by {decision.strategy}: {next(reasons, '')}".rstrip(": ")


def _committing(job: Job) -> HopRecord | None:
    return next((hop for hop in job.hops if hop.state is HopState.COMMITTING), None)
