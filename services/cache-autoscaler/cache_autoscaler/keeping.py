"""The controller at work: fleet by fleet, what is wanted becomes what is done."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from asyncpg import Record
from stowage_contracts.caching import VmPhase, VmState
from stowage_contracts.errors import Problem, Unavailable
from stowage_contracts.messages.cache_autoscaler import (
    CacheFleetHalted,
    CacheFleetRemoved,
    TransportVmChanged,
)
from stowage_runtime.handling.tx import Tx

from cache_autoscaler import fleet_metrics, vms
from cache_autoscaler.deciding import decide
from cache_autoscaler.deps import Deps
from cache_autoscaler.fleets import (
    controlled,
    fleet_view,
    hosts_of,
    limits_of,
    look,
    member,
    say_changed,
    store_down,
)
from cache_autoscaler.model.fleets import (
    Action,
    Destroy,
    Drain,
    Halt,
    Member,
    Spawn,
    Standing,
    Step,
    Undrain,
    step,
)
from cache_autoscaler.model.rooms import Host
from cache_autoscaler.model.vms import deadline
from cache_autoscaler.proving import intend_prove, left_open
from cache_autoscaler.scaling import measure, want
from cache_autoscaler.store import lock_stores

CALM_SECONDS = 5.0
"""Between two looks at a fleet in which nothing happens."""
DAY = 86400.0
FORMER_DAYS = 365
"""How long VMs of a fleet that is gone are known as ours."""


async def keep_fleets(tx: Tx, deps: Deps) -> None:
    """Every fleet in which something happens, one step; the others, from time to time."""
    for each in await tx.rows("fleets_due"):
        await keep_fleet(tx, each["id"], deps)


async def forget_fleets(tx: Tx, deps: Deps) -> None:
    """What is remembered of fleets for a while only, and what their last VMs left open."""
    for store_id in await left_open(tx, deps):
        await deps.stores.forget(store_id)
    await tx.run("drop_lapsed_fleet_waits")
    await tx.run("forget_fleet_loads", DAY)
    await tx.run("forget_strangers", DAY)
    await tx.run("forget_former_fleets", FORMER_DAYS * DAY)
    days = timedelta(days=deps.settings.fleet_rhythm_days)
    await tx.run("forget_rhythm", tx.now.date() - days)


async def keep_fleet(tx: Tx, fleet_id: str, deps: Deps) -> None:
    """One step of one fleet; whoever else would do it waits here."""
    row = await tx.row("lock_fleet", fleet_id)
    if row is None:
        return
    hosts = await hosts_of(tx, limits_of(row).scope, deps.settings)
    by_id = {host.id: host for host in hosts}
    for vm in await _vms(tx, fleet_id, deps):
        await _tend(tx, vm, row, (by_id.get(vm["host_id"]), deps))
    now = await _vms(tx, fleet_id, deps)
    seen = await look(tx, deps.settings)
    members = [member(vm, by_id.get(vm["host_id"]), seen) for vm in now]
    await measure(tx, row, members)
    desired = await want(tx, row, members, deps)
    standing = Standing(members, hosts, seen.fresh)
    turned = step(controlled(row, deps.settings), standing, desired, tx.now)
    await _carry_out(tx, row, turned, {vm["id"]: vm for vm in now}, deps)
    await tx.run("look_again", fleet_id, 0 if _lively(turned, members) else CALM_SECONDS)
    await _finish(tx, row, deps)


def _lively(turned: Step, members: Sequence[Member]) -> bool:
    """Whether the next second may bring something that nobody tells."""
    settled = all(m.state is VmState.OFFERED and not m.silent for m in members)
    return bool(turned.actions) or not settled


async def _vms(tx: Tx, fleet_id: str, deps: Deps) -> list[Record]:
    return await tx.rows("fleet_vms", fleet_id, deps.settings.cache_load_seconds)


async def _tend(tx: Tx, vm: Record, fleet: Record, at: tuple[Host | None, Deps]) -> None:
    """What the clock does to one VM, whatever is wanted."""
    host, deps = at
    silent = host is None or host.silent
    changed = await tx.row("vm_silent", vm["id"], silent)
    if changed is not None:
        await tx.say(TransportVmChanged(state=vms.vm_view(changed)))
    state = VmState(vm["state"])
    if state is VmState.PROBING:
        await intend_prove(tx, vm["id"], deps.settings.fleet_probing_seconds)
    elif state is VmState.DESTROYING:
        await _ask_again(tx, vm, silent, deps)
    elif state in (VmState.OFFERED, VmState.DRAINING):
        await tx.run("vm_unwell", vm["id"], vm["phase"] == VmPhase.UNWELL or store_down(vm))
    if state is VmState.DRAINING:
        await _tell_late(tx, vm, fleet, deps)


async def _ask_again(tx: Tx, vm: Record, silent: bool, deps: Deps) -> None:
    asked, times = vm["asked"], deps.settings.vm_times
    if not silent and (asked is None or tx.now >= deadline(VmState.DESTROYING, asked, times)):
        await vms.ask_destroy(tx, vm)


async def _tell_late(tx: Tx, vm: Record, fleet: Record, deps: Deps) -> None:
    times, most = deps.settings.vm_times, limits_of(fleet).drain_seconds
    until = deadline(VmState.DRAINING, vm["since"], times, most)
    late = await tx.row("vm_late", vm["id"]) if tx.now >= until else None
    if late is None:
        return
    why = f"its drain is late: {vm['pins']} copies still hold {vm['held_bytes']} bytes on it"
    error = Unavailable(why, resource=f"transport_vm/{vm['id']}", code="late").problem
    await tx.run("vm_error", vm["id"], error.model_dump(mode="json"))
    await decide(tx, "late", f"transport_vm/{vm['id']}", why, fleet_id=vm["fleet_id"])
    told = vms.vm_view(late).model_copy(update={"error": error})
    await tx.say(TransportVmChanged(state=told))


async def _carry_out(
    tx: Tx, row: Record, turned: Step, known: Mapping[str, Record], deps: Deps
) -> None:
    fleet = turned.fleet
    await tx.run(
        "fleet_does", row["id"], turned.doing, fleet.grown, fleet.shrunk, fleet.halted_until
    )
    if turned.actions:
        await lock_stores(tx)
    for action in turned.actions:
        await _act(tx, row, action, known, deps)


async def _act(
    tx: Tx, row: Record, action: Action, known: Mapping[str, Record], deps: Deps
) -> None:
    match action:
        case Spawn():
            await vms.order(tx, limits_of(row), action, deps.settings.fleet_order_seconds)
        case Drain(vm_id, reason):
            await vms.drain(tx, known[vm_id], reason)
        case Undrain(vm_id, reason):
            await vms.undrain(tx, known[vm_id], reason)
        case Destroy(vm_id, reason, failed):
            await vms.destroy(tx, known[vm_id], reason, failed=failed)
        case Halt():
            await _halt(tx, row, action, deps)


async def _halt(tx: Tx, row: Record, halt: Halt, deps: Deps) -> None:
    last = Problem.model_validate(row["error"]).cause if row["error"] else "nobody knows why"
    why = Unavailable(
        f"{halt.reason}; the last one: {last}",
        resource=f"cache_fleet/{row['id']}",
        code="halted",
        hint=f"nothing is spawned until {halt.until:%H:%M:%S} UTC; it then goes on by itself",
    ).problem
    fleet_metrics.HALTS.add(1, {"fleet": row["id"]})
    await decide(tx, "halt", f"cache_fleet/{row['id']}", why.cause)
    rows = await _vms(tx, row["id"], deps)
    view = fleet_view(row, rows, tx.now)
    told = view.model_copy(update={"halted_until": halt.until, "error": why})
    await tx.say(CacheFleetHalted(state=told))


async def _finish(tx: Tx, row: Record, deps: Deps) -> None:
    """A fleet that was to be removed goes with its last VM."""
    left: Sequence[Record] = await _vms(tx, row["id"], deps)
    fleet_metrics.stand(row["id"], left)
    if left or not row["removing"]:
        await say_changed(tx, row["id"], deps)
        return
    view = fleet_view(row, left, tx.now)
    await tx.run("add_former_fleet", row["id"])
    await tx.run("drop_fleet", row["id"])
    await tx.say(CacheFleetRemoved(state=view))
