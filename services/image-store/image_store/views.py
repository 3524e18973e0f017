"""Rows to what events and the API show."""

from typing import Any

from asyncpg import Record
from stowage_contracts.errors import Problem, StowageError
from stowage_contracts.hosts import HostAbilities, PoolView
from stowage_contracts.message import Message
from stowage_contracts.messages.image_store import CHANGED, StoreChanged
from stowage_contracts.plugins.image_store_driver import DriverAbilities
from stowage_contracts.values import (
    ObjectKind,
    ObjectRef,
    ReplicaState,
    Scope,
    StoreRole,
    StoreState,
)
from stowage_contracts.views import (
    EvacuationEnd,
    EvacuationView,
    HostDrain,
    HostView,
    InstallView,
    InventoryView,
    ObjectView,
    ProbeCheck,
    ReplicaView,
    SnapshotView,
    StoreView,
    TemplateView,
    VolumeView,
    ZoneReady,
)
from stowage_runtime.handling.tx import Tx

from image_store.model.rooms import reaches
from image_store.store import location_of, need_object, scope_of

_VIEW: dict[str, type[ObjectView]] = {
    "template": TemplateView,
    "volume": VolumeView,
    "snapshot": SnapshotView,
}
_SPECIAL = ("hypervisor", "template_id", "volume_id", "parent_id")
_ABILITIES = ("multipart", "copies", "notes", "lists_writes", "unknown_length", "expires")


def _problem(raw: Any) -> Problem | None:
    return Problem.model_validate(raw) if raw else None


def store_view(row: Record) -> StoreView:
    """A store's public state."""
    return StoreView(
        id=row["id"],
        name=row["name"],
        provider=row["provider"],
        role=row["role"],
        scope=scope_of(row),
        state=row["state"],
        settings=row["settings"],
        total_bytes=row["total_bytes"],
        used_bytes=row["used_bytes"],
        reserved_bytes=row.get("reserved", 0),
        measured=row["measured"],
        tags=tuple(row["tags"]),
        can=_can(row["abilities"]),
        evacuation=_known(EvacuationView, row["evacuation"]),
        evacuated=_known(EvacuationEnd, row["evacuated"]),
        inventory=_known(InventoryView, row["inventory"]),
        checks=tuple(ProbeCheck.model_validate(check) for check in row["checks"]),
        error=_problem(row["error"]),
    )


def _known(model: type[Any], raw: Any) -> Any:
    return model.model_validate(raw) if raw else None


def _can(abilities: dict[str, Any] | None) -> tuple[str, ...]:
    can = DriverAbilities.model_validate(abilities) if abilities else None
    return tuple(name for name in _ABILITIES if getattr(can, name, False))


async def say_store(tx: Tx, store_id: str) -> None:
    """Show a store as it is now, if it still is."""
    row = await tx.row("store", store_id)
    if row is not None:
        await tx.say(StoreChanged(state=store_view(row)))


async def say_trouble(tx: Tx, store_id: str, problem: Problem, asked: str | None = None) -> None:
    """Show a store with what went wrong there; the next good probe takes it off.

    ``asked`` is what the refused order said of itself.
    """
    details = {**problem.details, **({"asked": asked} if asked else {})}
    told = problem.model_copy(update={"details": details})
    await tx.run("store_error", store_id, told.model_dump(mode="json"))
    await say_store(tx, store_id)


def host_view(row: Record) -> HostView:
    """A host's public state."""
    abilities = row["abilities"]
    return HostView(
        id=row["id"],
        name=row["name"],
        hypervisor=row["hypervisor"],
        state=row["state"],
        location=location_of(row),
        abilities=HostAbilities.model_validate(abilities) if abilities else None,
        pools=tuple(PoolView.model_validate(pool) for pool in row["pools"]),
        drain=HostDrain.model_validate(row["drain"]) if row["drain"] else None,
    )


def replica_view(row: Record) -> ReplicaView:
    """A replica's public state."""
    return ReplicaView(
        store_id=row["store_id"],
        role=row["role"],
        state=row["state"],
        size=row["size"],
        digest=row["digest"],
        copy_id=row["copy_id"],
        in_place=row["in_place"],
        verified=row["verified"],
        install=_known(InstallView, row["install"]),
        error=_problem(row["error"]),
        updated=row["updated"],
    )


def scope_of_object(row: Record) -> Scope:
    """Region-wide, or the first of the zones it is wished for."""
    zone = next(iter(row["zones"]), None)
    return Scope.region() if row["scope_type"] == "region" or not zone else Scope.zone(zone)


async def object_view(tx: Tx, row: Record) -> ObjectView:
    """An object's public state, with its replicas."""
    refs = await tx.rows("replicas_of", row["noun"], row["id"])
    good = {ref["store_id"] for ref in refs if _good(ref)}
    special = {name: row[name] for name in _SPECIAL}
    return _VIEW[row["noun"]](
        id=row["id"],
        account_id=row["account_id"],
        name=row["name"],
        format=row["format"],
        kind=row["kind"],
        scope=scope_of_object(row),
        zones=await _zones(tx, row, good),
        checksum=row["checksum"],
        upload=row["origin"] == "upload",
        ready=bool(good) and not row["removed"],
        size=row["size"],
        virtual_size=row["virtual_size"],
        digest=row["digest"],
        tags=tuple(row["tags"]),
        min_copies=row["min_copies"],
        max_copies=row["max_copies"],
        replicas=tuple(replica_view(ref) for ref in refs),
        error=_problem(row["error"]),
        removed=row["removed"],
        created=row["created"],
        **special,
    )


def _good(ref: Record) -> bool:
    return bool(ref["state"] == ReplicaState.READY and ref["role"] == StoreRole.IMAGE)


async def _zones(tx: Tx, row: Record, good: set[str]) -> tuple[ZoneReady, ...]:
    """For each zone it is wished for: whether a readable store in reach has it."""
    stores = await tx.rows("zones_of_stores", row["noun"], row["id"])
    scopes = [scope_of(s) for s in stores if s["id"] in good and StoreState(s["state"]).readable]
    wished = row["zones"]
    if row["scope_type"] == "region":
        wished = [zone["id"] for zone in await tx.rows("zones")]
    return tuple(
        ZoneReady(zone_id=zone, ready=any(reaches(s, Scope.zone(zone)) for s in scopes))
        for zone in wished
    )


def changed(kind: ObjectKind, view: ObjectView) -> Message:
    """The event that carries an object's state."""
    return CHANGED[kind].model_validate({"state": view})


async def tell_trouble(tx: Tx, what: ObjectRef, error: StowageError) -> None:
    """Show what stands in an object's way as its error."""
    await tx.run("object_failed", what.noun, what.id, error.problem.model_dump(mode="json"))
    await say_changed(tx, what)


async def say_changed(tx: Tx, what: ObjectRef) -> None:
    """Show an object as it is now."""
    row = await need_object(tx, what)
    await tx.say(changed(what.kind, await object_view(tx, row)))
