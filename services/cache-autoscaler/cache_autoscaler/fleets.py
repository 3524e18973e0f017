"""Rows of fleets as the controller and the world see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from asyncpg import Record
from stowage_contracts.caching import CacheFleet, CacheFleetView, VmPhase, VmState
from stowage_contracts.errors import Problem
from stowage_contracts.hosts import MachineAbilities
from stowage_contracts.messages.cache_autoscaler import CacheFleetChanged
from stowage_contracts.values import Scope, StoreState
from stowage_contracts.views import DesiredCount
from stowage_runtime.handling.tx import Tx

from cache_autoscaler.deps import Deps
from cache_autoscaler.model.fleets import Fleet, Member
from cache_autoscaler.model.rooms import Host
from cache_autoscaler.model.vms import COMING, deadline
from cache_autoscaler.settings import Settings

QUIET = {"backlog_bytes", "desired"}
"""What changes all the time and is no reason to speak."""


def limits_of(row: Record) -> CacheFleet:
    """What an operator asked for."""
    return CacheFleet.model_validate(row["settings"])


def desired_of(row: Record) -> DesiredCount | None:
    """What its strategy wanted last."""
    return DesiredCount.model_validate(row["desired"]) if row["desired"] else None


def controlled(row: Record, settings: Settings) -> Fleet:
    """A fleet as the controller remembers it."""
    return Fleet(
        limits=limits_of(row),
        removing=row["removing"],
        failures=row["failures"],
        failed=row["failed"],
        halted_until=row["halted_until"],
        grown=row["grown"],
        shrunk=row["shrunk"],
        patience=settings.patience,
    )


@dataclass(frozen=True)
class Look:
    """With whose eyes, when, and since when hosts are heard of."""

    settings: Settings
    now: datetime
    hearing_since: datetime

    @property
    def fresh(self) -> bool:
        """Whether some hosts may not have had the time to be heard yet."""
        silent = timedelta(seconds=self.settings.fleet_silent_seconds)
        return self.now < self.hearing_since + silent


async def look(tx: Tx, settings: Settings) -> Look:
    """How things are looked at now."""
    return Look(settings, tx.now, await tx.value("hearing_since"))


def member(row: Record, host: Host | None, seen: Look) -> Member:
    """A VM as the controller sees it; ``host`` is None where it can run no VMs any more. Time in
    which nobody was heard is held against none."""
    state, since = VmState(row["state"]), max(row["since"], seen.hearing_since)
    until = deadline(state, since, seen.settings.vm_times)
    doomed, retiring = _troubles(row, seen.settings, seen.now)
    if host is not None and host.draining and not (doomed or retiring):
        retiring = f"host {host.id} is being drained"
    return Member(
        id=row["id"],
        host_id=row["host_id"],
        state=state,
        ordered=row["ordered"],
        offered=row["offered"],
        deadline=until if state in COMING else None,
        silent=host is None or host.silent,
        doomed=doomed,
        retiring=retiring,
        empty=row["store_state"] is None or (row["late"] and not row["pins"]),
        bytes_per_second=row["bytes_per_second"],
        held_bytes=row["held_bytes"],
    )


def _troubles(row: Record, settings: Settings, now: datetime) -> tuple[str, str]:
    """Why a VM can't stay: doomed, when its host says so too; else retiring."""
    if row["state"] == VmState.OFFERED and row["store_state"] in (None, StoreState.DRAINING):
        return _without_store(row)
    since = row["unwell_since"]
    if since is None or now < since + timedelta(seconds=settings.fleet_unwell_seconds):
        return "", ""
    seconds = f"for {(now - since).total_seconds():.0f} s"
    if row["phase"] == VmPhase.UNWELL:
        return f"it did not answer {seconds}", ""
    return "", f"it failed its probes {seconds}"


def _without_store(row: Record) -> tuple[str, str]:
    """An operator took the store on it away."""
    if row["store_state"] is None:
        return "its store was removed", ""
    return "", "its store is being removed"


async def hosts_of(tx: Tx, scope: Scope, settings: Settings) -> list[Host]:
    """Hosts of a scope that can run VMs."""
    rows = await tx.rows("fleet_hosts", scope.type, scope.id, settings.fleet_silent_seconds)
    return [_host(row) for row in rows]


def _host(row: Record) -> Host:
    return Host(
        id=row["id"],
        machines=MachineAbilities.model_validate(row["machines"]),
        vms=row["vms"],
        memory_bytes=row["memory_bytes"],
        disk_bytes=row["disk_bytes"],
        silent=row["silent"],
        draining=row["draining"],
        failures=row["failures"],
        failed=row["failed"],
    )


def fleet_view(row: Record, vms: Sequence[Record], now: datetime) -> CacheFleetView:
    """A fleet's public state."""
    halted = row["halted_until"]
    return CacheFleetView(
        **limits_of(row).model_dump(),
        desired=desired_of(row),
        members=len(vms),
        offered=sum(vm["state"] == VmState.OFFERED for vm in vms),
        backlog_bytes=row["backlog_bytes"],
        halted_until=halted if halted and halted > now else None,
        error=Problem.model_validate(row["error"]) if row["error"] else None,
        removing=row["removing"],
    )


async def say_changed(tx: Tx, fleet_id: str, deps: Deps, *, always: bool = False) -> None:
    """Tell a fleet as it is now, where more than its backlog changed since it was told."""
    row = await tx.row("fleet", fleet_id)
    if row is None:
        return
    rows = await tx.rows("fleet_vms", fleet_id, deps.settings.cache_load_seconds)
    view = fleet_view(row, rows, tx.now)
    told = view.model_dump(mode="json", exclude=QUIET)
    told["count"] = view.desired.count if view.desired else None
    if always or told != row["said"]:
        await tx.run("fleet_said", fleet_id, told)
        await tx.say(CacheFleetChanged(state=view))


def store_down(row: Record) -> bool:
    """Whether a VM's store fails its probes."""
    return bool(row["store_state"] == StoreState.DEGRADED)
