"""The life of transport VMs, in the service's own rows: ordered, offered, drained, gone."""

from datetime import timedelta

from asyncpg import Record
from stowage_contracts.caching import CacheFleet, TransportVmView, VmSpec, VmState
from stowage_contracts.errors import Problem, StowageError, Unavailable
from stowage_contracts.messages.cache_autoscaler import (
    CacheDraining,
    CacheRemoved,
    TransportVmChanged,
    TransportVmRemoved,
)
from stowage_contracts.messages.hypervisor_agent import (
    DestroyTransportVm,
    ResizeTransportVm,
    SpawnTransportVm,
)
from stowage_contracts.topology import agent_address
from stowage_contracts.values import StoreState, new_id
from stowage_runtime.handling.tx import Tx

from cache_autoscaler import fleet_metrics
from cache_autoscaler.deciding import decide
from cache_autoscaler.model.fleets import Spawn
from cache_autoscaler.model.vms import COMING, check_move
from cache_autoscaler.store import say_changed, store_view


def vm_view(row: Record) -> TransportVmView:
    """A VM's public state."""
    return TransportVmView(
        id=row["id"],
        fleet_id=row["fleet_id"],
        host_id=row["host_id"],
        state=row["state"],
        reason=row["reason"],
        url=row["url"],
        memory_bytes=row["memory_bytes"],
        disk_bytes=row["disk_bytes"],
        silent_since=row["silent_since"],
        ordered=row["ordered"],
        offered=row["offered"],
        error=Problem.model_validate(row["error"]) if row["error"] else None,
    )


async def lock(tx: Tx, vm_id: str) -> Record | None:
    """The VM's row, with its fleet locked before it; None when there is no such VM."""
    await tx.row("lock_fleet_of", vm_id)
    return await tx.row("vm", vm_id)


async def order(tx: Tx, limits: CacheFleet, spawn: Spawn, order_seconds: float) -> None:
    """The row and the order it stands for, together."""
    vm_id, expires = new_id(), tx.now + timedelta(seconds=order_seconds)
    spec = limits.vm
    row = await tx.row(
        "add_vm",
        vm_id,
        limits.id,
        spawn.host_id,
        spawn.reason,
        spec.model_dump(mode="json"),
        spec.disk_bytes,
        expires,
    )
    assert row is not None
    said = SpawnTransportVm(
        vm_id=vm_id, host_id=spawn.host_id, fleet_id=limits.id, spec=spec, expires=expires
    )
    await tx.say(said, to=agent_address(spawn.host_id))
    fleet_metrics.spawned(limits.id, "ordered")
    await _tell(tx, row, "spawn", f"on host {spawn.host_id}: {spawn.reason}")


async def enlarge(tx: Tx, row: Record, spec: VmSpec) -> None:
    """Give its data disk what VMs of its fleet have now, where that is more; it goes on serving."""
    now = VmSpec.model_validate(row["spec"])
    if VmState(row["state"]).leaving or now.disk_bytes >= spec.disk_bytes:
        return
    made = now.model_copy(update={"disk_bytes": spec.disk_bytes})
    await tx.run("vm_spec", row["id"], made.model_dump(mode="json"))
    why = f"its disk grows from {now.disk_bytes} to {spec.disk_bytes} bytes, as its fleet wishes"
    await _decide(tx, row, "resize", why)
    said = ResizeTransportVm(vm_id=row["id"], host_id=row["host_id"], disk_bytes=spec.disk_bytes)
    await tx.say(said, to=agent_address(row["host_id"]))


async def move(tx: Tx, row: Record, state: VmState, reason: str = "") -> Record:
    """One step of its life. Raises Conflict where its table has no such way."""
    moved = await _moved(tx, row, state, reason)
    await tx.say(TransportVmChanged(state=vm_view(moved)))
    return moved


async def offer(tx: Tx, row: Record) -> None:
    """Its store is proven: it serves, and its fleet's and host's failures are forgiven."""
    moved = await move(tx, row, VmState.OFFERED)
    took = (tx.now - moved["ordered"]).total_seconds()
    await tx.run("fleet_good", row["fleet_id"], took)
    await tx.run("host_good", row["host_id"])
    fleet_metrics.offered(row["fleet_id"], took)
    told = f"offered {took:.1f} s after its order"
    await _decide(tx, moved, "offer", told, {"seconds": took})


async def drain(tx: Tx, row: Record, reason: str) -> None:
    """Nothing new is placed on it; pinned copies finish, entries lapse."""
    await _tell(tx, await _moved(tx, row, VmState.DRAINING, reason), "drain", reason)
    if await tx.run("drain_vm_store", row["id"]):
        store = await tx.row("store", row["id"])
        assert store is not None
        await tx.say(CacheDraining(state=store_view(store)))


async def undrain(tx: Tx, row: Record, reason: str) -> bool:
    """Whether it serves again: a store that is gone already can't."""
    if not await tx.run("undrain_vm_store", row["id"]):
        return False
    await _tell(tx, await _moved(tx, row, VmState.OFFERED, reason), "undrain", reason)
    await say_changed(tx, row["id"])
    return True


async def destroy(tx: Tx, row: Record, reason: str, *, failed: bool = False) -> None:
    """Its entries are lost without asking it; ordered again until it is proven gone."""
    if failed:
        await count_failure(tx, row, reason)
    moved = await _moved(tx, row, VmState.DESTROYING, reason)
    await _lose_entries(tx, row["id"], reason)
    await _tell(tx, moved, "destroy", reason)
    await ask_destroy(tx, moved)


async def ask_destroy(tx: Tx, row: Record) -> None:
    """Order it, once more."""
    said = DestroyTransportVm(vm_id=row["id"], host_id=row["host_id"], reason=row["reason"])
    await tx.run("vm_asked", row["id"])
    await tx.say(said, to=agent_address(row["host_id"]))


async def gone(tx: Tx, row: Record, reason: str) -> None:
    """Proven: it counts no more. One that was never offered, and not given up, had failed."""
    if VmState(row["state"]) in COMING:
        await count_failure(tx, row, reason)
    check_move(row["id"], VmState(row["state"]), VmState.GONE)
    await drop_store(tx, row["id"])
    await tx.run("drop_vm", row["id"])
    await _decide(tx, row, "gone", reason)
    last = vm_view(row).model_copy(update={"state": VmState.GONE, "silent_since": None})
    await tx.say(TransportVmRemoved(state=last))


async def count_failure(tx: Tx, row: Record, reason: str) -> None:
    """A spawn that came to nothing, counted for its fleet and its host."""
    problem = Problem.model_validate(row["error"]) if row["error"] else _failure(row, reason)
    await tx.run("fleet_failed", row["fleet_id"], problem.model_dump(mode="json"))
    await tx.run("host_failed", row["host_id"])
    fleet_metrics.spawned(row["fleet_id"], "failed")


async def degrade(tx: Tx, vm_id: str, error: StowageError) -> None:
    """Nothing new is placed on its store until a probe is answered again."""
    if await tx.run("degrade_vm_store", vm_id, error.problem.model_dump(mode="json")):
        await say_changed(tx, vm_id)


async def drop_store(tx: Tx, vm_id: str) -> None:
    """The store on a VM that is gone, with whatever it held."""
    await tx.row("lock_store", vm_id)
    store = await tx.row("store", vm_id)
    if store is None:
        return
    await tx.run("drop_entries_of", vm_id)
    await tx.run("drop_store", vm_id)
    removed = store_view(store).model_copy(update={"state": StoreState.REMOVED})
    await tx.say(CacheRemoved(state=removed))


async def _lose_entries(tx: Tx, vm_id: str, reason: str) -> None:
    """What it held is nowhere now: copies that come for it are sent elsewhere."""
    lost = Unavailable(f"its transport VM ends: {reason}", resource=f"store/{vm_id}", code="vm")
    await tx.row("lock_store", vm_id)
    await tx.run("drop_entries_of", vm_id)
    await degrade(tx, vm_id, lost)


async def _moved(tx: Tx, row: Record, state: VmState, reason: str) -> Record:
    check_move(row["id"], VmState(row["state"]), state)
    moved = await tx.row("vm_moved", row["id"], state, reason)
    assert moved is not None
    return moved


async def _tell(tx: Tx, row: Record, kind: str, reason: str) -> None:
    await _decide(tx, row, kind, reason)
    await tx.say(TransportVmChanged(state=vm_view(row)))


async def _decide(
    tx: Tx, row: Record, kind: str, reason: str, figures: dict[str, float] | None = None
) -> None:
    named = {"fleet_id": row["fleet_id"], "host_id": row["host_id"], **(figures or {})}
    await decide(tx, kind, f"transport_vm/{row['id']}", reason, **named)


def _failure(row: Record, reason: str) -> Problem:
    return Unavailable(
        f"no VM came of the order to host {row['host_id']}: {reason}",
        resource=f"transport_vm/{row['id']}",
        code="spawn",
        hint="see the log of that host's agent",
    ).problem
