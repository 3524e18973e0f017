"""What hosts say of transport VMs: late, repeated and reordered words change nothing."""

from datetime import datetime, timedelta

from asyncpg import Record
from stowage_contracts.caching import VmFacts, VmPhase, VmState
from stowage_contracts.errors import StowageError, Unavailable
from stowage_contracts.messages.cache_autoscaler import TransportVmChanged
from stowage_contracts.messages.hypervisor_agent import (
    DestroyTransportVm,
    TransportVmReported,
    TransportVmsSeen,
)
from stowage_contracts.topology import agent_address
from stowage_runtime.handling.tx import Tx

from cache_autoscaler import vms
from cache_autoscaler.deciding import decide
from cache_autoscaler.deps import Deps
from cache_autoscaler.intents import intend_probe
from cache_autoscaler.model.vms import COMING, told
from cache_autoscaler.proving import intend_prove

LATE = timedelta(minutes=2)
"""Words of one host overtake each other by less than this."""


async def on_transport_vm_reported(message: TransportVmReported, tx: Tx, deps: Deps) -> None:
    """A VM went on, or is gone."""
    if not _speaks_for(message.host_id, tx):
        return
    row = await vms.lock(tx, message.vm.vm_id)
    if row is None or row["host_id"] != message.host_id:
        await _stranger(message.vm, message.host_id, tx, deps)
    elif message.vm.phase is VmPhase.GONE:
        await vms.gone(tx, row, _why(message.vm, "its host says that it is gone"))
    elif not _stale(row, tx):
        await _apply(row, message.vm, tx, deps)


async def on_transport_vms_seen(message: TransportVmsSeen, tx: Tx, deps: Deps) -> None:
    """Everything a host has: what it says anew, what it denies, what nobody ordered."""
    if not _speaks_for(message.host_id, tx):
        return
    await tx.run("host_heard", message.host_id)
    await tx.run("hear", deps.settings.fleet_silent_seconds)
    seen = {vm.vm_id: vm for vm in message.vms}
    for row in await tx.rows("vms_on", message.host_id):
        facts = seen.pop(row["id"], None)
        if _stale(row, tx):
            continue
        if facts is None:
            await _denied(row, tx, deps)
        elif _news(row, facts):
            await _apply_locked(row["id"], facts, tx, deps)
    for facts in seen.values():
        await _stranger(facts, message.host_id, tx, deps)


def _news(row: Record, facts: VmFacts) -> bool:
    known = row["phase"], row["url"], row["missing_since"]
    return known != (facts.phase, facts.url or row["url"], None) or _grown(row, facts)


def _grown(row: Record, facts: VmFacts) -> bool:
    """What it takes of its host is another figure; memory by a quarter at least."""
    more = abs(facts.memory_bytes - row["memory_bytes"])
    return facts.disk_bytes not in (0, row["disk_bytes"]) or more > row["memory_bytes"] // 4


async def _apply_locked(vm_id: str, facts: VmFacts, tx: Tx, deps: Deps) -> None:
    row = await vms.lock(tx, vm_id)
    if row is None:
        return
    if facts.phase is VmPhase.GONE:
        await vms.gone(tx, row, _why(facts, "its host says that it is gone"))
    else:
        await _apply(row, facts, tx, deps)


async def _apply(row: Record, facts: VmFacts, tx: Tx, deps: Deps) -> None:
    error = facts.error.model_dump(mode="json") if facts.error else None
    figures = facts.phase, facts.url, facts.memory_bytes, facts.disk_bytes
    now = await tx.row("vm_told", row["id"], *figures, error, _time(tx))
    assert now is not None
    state = told(VmState(row["state"]), facts.phase)
    if state is VmState.DESTROYING and row["state"] != state:
        failed = VmState(row["state"]) in COMING
        await vms.destroy(tx, now, _why(facts, "it ended by itself"), failed=failed)
    elif state != row["state"]:
        now = await vms.move(tx, now, state)
    elif _grown(row, facts):
        await tx.say(TransportVmChanged(state=vms.vm_view(now)))
    await _health(now, tx)
    if state is VmState.OFFERED and facts.disk_bytes > row["disk_bytes"]:
        await intend_probe(tx, row["id"])
    if state is VmState.PROBING and row["state"] != state:
        await intend_prove(tx, row["id"], deps.settings.fleet_probing_seconds)


async def _health(row: Record, tx: Tx) -> None:
    """One that does not answer gets nothing new; one that answers again is probed."""
    if row["state"] not in (VmState.OFFERED, VmState.DRAINING):
        return
    if row["phase"] == VmPhase.UNWELL:
        await vms.degrade(tx, row["id"], _unwell(row))
    elif row["phase"] == VmPhase.READY:
        store = await tx.row("store", row["id"])
        if store is not None and store["state"] == "Degraded":
            await intend_probe(tx, row["id"])


async def _denied(row: Record, tx: Tx, deps: Deps) -> None:
    """Its host has no such VM; believed once no order can be under way and it was said twice."""
    times = deps.settings
    since = await tx.value("vm_missing", row["id"])
    if since is None or tx.now < since + timedelta(seconds=times.fleet_missing_seconds):
        return
    begun = bool(row["phase"])
    if not begun and tx.now < row["expires"] + timedelta(seconds=times.fleet_missing_seconds):
        return
    locked = await vms.lock(tx, row["id"])
    if locked is not None:
        why = "its host has it no more" if begun else "its host never began it"
        await vms.gone(tx, locked, why)


async def _stranger(facts: VmFacts, host_id: str, tx: Tx, deps: Deps) -> None:
    """A VM of a fleet of ours that no row tells of: destroyed, once it was seen for a while."""
    if facts.phase is VmPhase.GONE:
        return
    row = await tx.row("stranger_seen", facts.vm_id, host_id)
    assert row is not None
    if not await tx.value("fleet_known", facts.fleet_id):
        why = f"host {host_id} runs it for fleet {facts.fleet_id}, which nobody knows"
        await decide(tx, "stranger", f"transport_vm/{facts.vm_id}", why, host_id=host_id)
        return
    if not _due(row, tx.now, deps):
        return
    why = "nobody knows of it: its order was forgotten"
    details = {"fleet_id": facts.fleet_id, "host_id": host_id}
    await decide(tx, "destroy", f"transport_vm/{facts.vm_id}", why, **details)
    await tx.run("stranger_asked", facts.vm_id, host_id)
    said = DestroyTransportVm(vm_id=facts.vm_id, host_id=host_id, reason=why)
    await tx.say(said, to=agent_address(host_id))


def _due(row: Record, now: datetime, deps: Deps) -> bool:
    told = deps.settings
    if now < row["first_seen"] + timedelta(seconds=told.fleet_stranger_seconds):
        return False
    asked: datetime | None = row["asked"]
    return asked is None or now >= asked + timedelta(seconds=told.fleet_repeat_seconds)


def _unwell(row: Record) -> StowageError:
    return Unavailable(
        f"host {row['host_id']} gets no answer from its transport VM",
        resource=f"store/{row['id']}",
        code="vm",
        hint="it is replaced unless it answers again",
    )


def _why(facts: VmFacts, otherwise: str) -> str:
    return facts.error.cause if facts.error else otherwise


def _speaks_for(host_id: str, tx: Tx) -> bool:
    """The broker knows who speaks: no agent is believed on another's VMs."""
    return tx.cause is not None and tx.cause.source == f"agent/{host_id}"


def _stale(row: Record, tx: Tx) -> bool:
    """Said before what is known; much before, and the host's clock was set back."""
    known: datetime | None = row["told"]
    return known is not None and _time(tx) < known < _time(tx) + LATE


def _time(tx: Tx) -> datetime:
    """When the host said it, by its own clock."""
    return tx.cause.time if tx.cause else tx.now
