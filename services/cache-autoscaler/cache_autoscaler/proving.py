"""A VM that serves proves itself by a real write and read; then its store is offered."""

from datetime import timedelta
from urllib.parse import urlsplit

from asyncpg import Record
from stowage_contracts.caching import CacheFleet, VmState
from stowage_contracts.errors import InvalidInput, StowageError, Unavailable
from stowage_contracts.messages.cache_autoscaler import CacheAdded
from stowage_contracts.messages.image_store import AddStore
from stowage_contracts.plugins.image_store_driver import Capacity, DriverAbilities
from stowage_contracts.values import Id, StoreRole, Value
from stowage_contracts.views import ProbeCheck
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk, IntentKind, Settle, nothing
from stowage_stores.hosting import StoreRow

from cache_autoscaler import vms
from cache_autoscaler.deps import Deps
from cache_autoscaler.store import need, store_view

DEADLINE_SECONDS = 10
"""A VM that keeps a call waiting for longer stalls nobody; it fails it."""


class ProveWork(Value):
    """Write and read on one VM's export."""

    vm_id: Id


async def intend_prove(tx: Tx, vm_id: str, seconds: float) -> None:
    """Prove a VM, once at a time."""
    within = timedelta(seconds=seconds)
    await tx.intend("prove", ProveWork(vm_id=vm_id), key=vm_id, within=within)


async def prove(work: ProveWork, desk: Desk, deps: Deps) -> Settle:
    """Tried again until its deadline; the store exists only once every check has passed."""
    async with desk.transaction() as tx:
        row = await tx.row("vm", work.vm_id)
        if row is None or row["state"] != VmState.PROBING:
            return nothing
        fleet = await need(tx, "fleet", row["fleet_id"])
    async with desk.transaction() as tx:
        left = await left_open(tx, deps)
    for store_id in left:
        await deps.stores.forget(store_id)
    asked = _adding(row, fleet)
    admitted = deps.stores.admit(asked, b"")
    store = StoreRow(work.vm_id, admitted.provider, admitted.settings, "")
    async with deps.stores.trial(store) as driver:
        checks, room = await driver.probe()
        can = driver.can
    _check_all(work.vm_id, checks)

    async def settle(tx: Tx) -> None:
        vm = await vms.lock(tx, work.vm_id)
        if vm is not None and vm["state"] == VmState.PROBING:
            await _add(tx, asked, store, (checks, room, can))
            await vms.offer(tx, vm)

    return settle


async def prove_failed(work: ProveWork, error: StowageError, tx: Tx, deps: Deps) -> None:
    """Why is told; at its deadline the controller destroys it and counts a failure."""
    await tx.run("vm_error", work.vm_id, error.problem.model_dump(mode="json"))


async def left_open(tx: Tx, deps: Deps) -> frozenset[str]:
    """Stores that are gone and still hold a process of this instance."""
    opened = deps.stores.opened
    return opened - {row["id"] for row in await tx.rows("store_ids")}


async def _add(
    tx: Tx,
    asked: AddStore,
    store: StoreRow,
    found: tuple[tuple[ProbeCheck, ...], Capacity, DriverAbilities],
) -> None:
    checks, room, can = found
    added = await tx.run(
        "add_vm_store",
        store.id,
        asked.name,
        store.provider,
        asked.scope.type,
        asked.scope.id,
        asked.scope.zone_id,
        store.settings,
        can.model_dump(mode="json"),
        [check.model_dump(mode="json") for check in checks],
        room.total_bytes,
        room.used_bytes or 0,
    )
    if not added:
        raise Unavailable(
            "another store still stands at its address", resource=f"store/{store.id}", code="place"
        )
    await tx.say(CacheAdded(state=store_view(await need(tx, "store", store.id))))


def _adding(row: Record, fleet: Record) -> AddStore:
    limits = CacheFleet.model_validate(fleet["settings"])
    provider, settings = _place(row["url"])
    return AddStore(
        store_id=row["id"],
        name=f"{limits.name} {row['id'][:8]}",
        provider=provider,
        role=StoreRole.IMAGE_CACHE,
        scope=limits.scope,
        settings={**settings, "deadline_seconds": DEADLINE_SECONDS},
    )


def _place(url: str) -> tuple[str, dict[str, str]]:
    """A VM exports NFS; one that a fake made is a directory."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return "directory", {"root": parts.path}
    if parts.scheme == "nfs":
        return "NFS", {"url": url}
    raise InvalidInput(f"a transport VM tells a {parts.scheme or 'missing'} URL", code="url")


def _check_all(vm_id: str, checks: tuple[ProbeCheck, ...]) -> None:
    failed = next((check for check in checks if not check.ok), None)
    if failed is not None:
        raise Unavailable(
            f"probe step {failed.name!r} failed: {failed.cause}",
            resource=f"transport_vm/{vm_id}",
            code=failed.code or failed.name,
        )


PROVE = IntentKind[Deps]("prove", ProveWork, prove, prove_failed)
