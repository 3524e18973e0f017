"""What the world sees of a copy; the only place that builds a CopyView."""

from stowage_contracts.values import CopyEnd, EndKind, Transfer
from stowage_contracts.views import CopyView, HopView

from data_motion.model.states import AskerState, CopyState, ended
from data_motion.records import AskerRecord, HopRecord, Job


def copy_view(job: Job, asker: AskerRecord) -> CopyView:
    """The copy as ``asker`` sees it."""
    copy = job.copy
    detached = asker.state is AskerState.DETACHED
    return CopyView(
        id=asker.id,
        account_id=asker.account_id,
        object=asker.object,
        source=describe(copy.request.source),
        destination=describe(asker.destination),
        destination_store_id=asker.destination.store_id,
        state=CopyState.CANCELLED if detached else copy.state,
        leader_id=copy.id,
        strategy=copy.strategy,
        answers=copy.answers,
        hops=tuple(hop_view(hop) for hop in job.hops),
        transfer=copy.transfer,
        waiting_for=copy.waiting_for,
        paused=copy.paused,
        priority=copy.priority,
        bytes_per_second=copy.bytes_per_second,
        timeline=copy.timeline,
        digest=copy.digest,
        error=copy.error,
        created=asker.created,
        finished=copy.finished,
    )


def hop_view(hop: HopRecord) -> HopView:
    """One hop."""
    return HopView(
        id=hop.id,
        order=hop.ordinal,
        state=hop.state,
        source=describe(hop.source),
        destination=describe(hop.destination),
        host_id=hop.host_id,
        endpoint_reason=hop.endpoint_reason,
        cache_reason=hop.cache_reason,
        method=hop.method,
        fed_by=tuple(feeder.host_id for feeder in hop.fed_by),
        bytes_fed=hop.receipt.bytes_fed if hop.receipt else 0,
        epoch=hop.epoch,
        attempts=hop.attempts,
        transfer=hop.transfer,
        error=hop.error,
    )


def describe(end: CopyEnd) -> str:
    """An end in a few words; a URL stays with its owner, since it may carry credentials."""
    if end.kind is EndKind.URL:
        return f"URL of {end.object}"
    if end.store_id is None:
        return f"a cache store of {end.scope.type} {end.scope.id or ''}".rstrip()
    return f"{end.provider or 'store'} {end.store_id}: {end.key}"


def figures(job: Job) -> Transfer:
    """Figures of the whole copy: every hop's bytes count once, those lost with a cache not."""
    size, hops = job.copy.request.size, job.counted
    legs = max(1, len(hops))
    totals = [hop.transfer.bytes_total or size for hop in hops]
    total = None if not totals or None in totals else sum(t for t in totals if t is not None)
    done = sum(hop.transfer.bytes_done for hop in hops)
    now = job.current
    rate = now.transfer.bytes_per_second if now and not ended(now.state) else 0.0
    left = None if total is None else max(0, total - done)
    phase = now.transfer.phase if now else ""
    number = hops.index(now) + 1 if now in hops else 1
    return Transfer(
        bytes_done=done,
        bytes_total=total,
        bytes_per_second=rate,
        eta_seconds=left / rate if left is not None and rate > 0 else None,
        phase=f"hop {number} of {legs}: {phase}" if now and legs > 1 else phase,
    )
