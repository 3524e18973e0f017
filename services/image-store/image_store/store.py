"""Rows to values: what image-store's tables say, in contract words."""

from typing import Any

from asyncpg import Record
from stowage_contracts.errors import Conflict, NotFound, Problem
from stowage_contracts.plugins.image_store_driver import DriverAbilities, ImageStoreDriver
from stowage_contracts.values import (
    CopyEnd,
    EndKind,
    GrantRef,
    HostAbilities,
    HypervisorKind,
    Location,
    ObjectRef,
    PoolView,
    ReplicaState,
    Scope,
    ScopeType,
    ServiceName,
    StoreState,
)
from stowage_contracts.views import HostView, ProbeCheck, ReplicaView, StoreView, TemplateView
from stowage_runtime.handling.tx import Tx
from stowage_stores.hosting import Hosted, StoreRow

from image_store.model import ReplicaEvent, Room, next_state


async def need(tx: Tx, query: str, key: str) -> Record:
    """The one row of a query by id, whose last word is what it finds; raises NotFound."""
    row = await tx.row(query, key)
    if row is None:
        noun = query.rpartition("_")[2]
        raise NotFound(f"no such {noun}", resource=f"{noun}/{key}")
    return row


async def lock_ref(tx: Tx, ref_id: str) -> Record | None:
    """A replica, locked after its template as everywhere."""
    await tx.value("lock_template_of", ref_id)
    return await tx.row("ref", ref_id)


async def driver_of(store: Record, stores: Hosted) -> ImageStoreDriver:
    """The open driver of a store row."""
    row = StoreRow(store["id"], store["provider"], store["settings"], store["sealed"])
    return await stores.driver(row)


def scope_of(row: Record) -> Scope:
    """The scope of a store or template row."""
    kind = ScopeType(row["scope_type"])
    zone = row["scope_id"] if kind is ScopeType.ZONE else row.get("zone_id")
    return Scope(type=kind, id=row["scope_id"], zone_id=zone)


def room_of(row: Record) -> Room:
    """A store row as placement sees it."""
    return Room(
        store_id=row["id"],
        scope=scope_of(row),
        state=StoreState(row["state"]),
        total=row["total_bytes"],
        used=row["used_bytes"],
        reserved=row["reserved"],
    )


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
        checks=tuple(ProbeCheck.model_validate(check) for check in row["checks"]),
        error=_problem(row["error"]),
    )


def location_of(row: Record) -> Location:
    """Where a host row stands."""
    return Location(
        zone_id=row["zone_id"],
        pod_id=row["pod_id"],
        cluster_id=row["cluster_id"],
        host_id=row["id"],
    )


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
        error=_problem(row["error"]),
        updated=row["updated"],
    )


async def template_view(tx: Tx, template_id: str) -> TemplateView:
    """A template's public state, with its replicas; raises NotFound."""
    row = await need(tx, "template", template_id)
    refs = await tx.rows("replicas_of_template", template_id)
    ready = any(ref["state"] == ReplicaState.READY and ref["role"] == "Image" for ref in refs)
    return TemplateView(
        id=row["id"],
        account_id=row["account_id"],
        name=row["name"],
        format=row["format"],
        kind="iso" if row["format"] == "iso" else "template",
        hypervisor=row["hypervisor"],
        scope=scope_of(row),
        checksum=row["checksum"],
        ready=ready and not row["removed"],
        size=row["size"],
        virtual_size=row["virtual_size"],
        digest=row["digest"],
        replicas=tuple(replica_view(ref) for ref in refs),
        error=_problem(row["error"]),
        removed=row["removed"],
        created=row["created"],
    )


async def move(tx: Tx, ref: Record, event: ReplicaEvent) -> ReplicaState:
    """Compare-and-set a replica's state; raises Conflict when it may not or was moved since."""
    state = next_state(ReplicaState(ref["state"]), event)
    if not await tx.run("move_ref", ref["id"], ref["state"], ref["update_count"], state):
        raise Conflict("the replica was changed meanwhile", resource=f"replica/{ref['id']}")
    return state


def object_of(ref: Record) -> ObjectRef:
    """What a replica row is a replica of."""
    return ObjectRef(kind=ref["kind"], id=ref["object_id"])


def image_end(ref: Record, store: Record, grant_id: str) -> CopyEnd:
    """A replica on an image store as one end of a copy."""
    can = DriverAbilities.model_validate(store["abilities"])
    return CopyEnd(
        object=object_of(ref),
        role=store["role"],
        provider=store["provider"],
        store_id=store["id"],
        scope=scope_of(store),
        schemes=can.schemes,
        root=can.root,
        key=ref["install_path"],
        format=ref["format"],
        grant=GrantRef(id=grant_id, owner=ServiceName.IMAGE_STORE),
    )


def pool_end(ref: Record, store: Record, grant_id: str, hypervisor: str) -> CopyEnd:
    """A replica on a primary pool as the destination of a copy; its agent holds the driver."""
    end = image_end(ref, store, grant_id)
    owner = GrantRef(id=grant_id, owner=ServiceName.HYPERVISOR_AGENT)
    return end.model_copy(update={"grant": owner, "hypervisor": HypervisorKind(hypervisor)})


def url_end(template: Record, grant_id: str) -> CopyEnd:
    """A user-given URL as the source of a copy; the URL itself stays here, sealed."""
    kind = "iso" if template["format"] == "iso" else "template"
    return CopyEnd(
        kind=EndKind.URL,
        object=ObjectRef(kind=kind, id=template["id"]),
        schemes=(template["url_scheme"],),
        format=template["format"],
        grant=GrantRef(id=grant_id, owner=ServiceName.IMAGE_STORE),
    )
