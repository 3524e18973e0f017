"""Objects brought onto a cache store before anybody asks for them there."""

from stowage_contracts.errors import Conflict, InvalidInput, StowageError
from stowage_contracts.messages.image_store import CopyRequested, PrefetchObject, ReplicaFailed
from stowage_contracts.values import (
    CopyEnd,
    GrantRef,
    Location,
    Scope,
    ScopeType,
    ServiceName,
    StoreRole,
)
from stowage_runtime.handling.tx import Tx

from image_store.deps import Deps
from image_store.ends import image_end
from image_store.objects.leaves import has_leaves
from image_store.objects.sources import readable_at
from image_store.store import location_of, need, need_object


async def on_prefetch_object(message: PrefetchObject, tx: Tx, deps: Deps) -> None:
    """Describe the source and the scope; which cache takes it is the caches' to say."""
    try:
        await tx.say(await _request(message, tx))
    except StowageError as error:
        failed = {"object": message.object, "copy_id": message.copy_id, "error": error.problem}
        await tx.say(ReplicaFailed.model_validate(failed))


async def _request(message: PrefetchObject, tx: Tx) -> CopyRequested:
    row, where = await need_object(tx, message.object), await _location(message.scope, tx)
    if row["removed"]:
        raise Conflict("the object was deleted", resource=str(message.object))
    source, store = await readable_at(row, where, tx)
    read = read_grant(message.copy_id)
    grant = {"id": read, "writes": False, "purpose": "copy", "ref_id": source["id"]}
    await tx.run("add_grant", grant)
    scope = message.scope.model_copy(update={"zone_id": where.zone_id})
    return CopyRequested(
        copy_id=message.copy_id,
        account_id=message.account_id,
        priority=message.priority,
        source=image_end(source, store, read),
        destination=CopyEnd(
            object=message.object,
            role=StoreRole.IMAGE_CACHE,
            scope=scope,
            schemes=(),
            format=source["format"],
            grant=GrantRef(id=read, owner=ServiceName.CACHE_AUTOSCALER),
        ),
        size=source["size"],
        digest=source["digest"],
        location=where,
        leaves=await has_leaves(tx, source["size"], source["digest"]),
        hold_seconds=message.hold_seconds,
    )


def read_grant(copy_id: str) -> str:
    """The grant by which a prefetch reads its source; known by the copy, so that any copy that
    shares the transfer can end it."""
    return f"prefetch-{copy_id}"


async def _location(scope: Scope, tx: Tx) -> Location:
    """A place within a scope, no narrower than it; raises InvalidInput, NotFound."""
    kind, named = scope.type, scope.id or ""
    if kind is ScopeType.REGION:
        raise InvalidInput(
            "an object is prefetched for a zone, pod, cluster or host",
            code="scope",
            hint="prefetch it once for each zone",
        )
    if kind is ScopeType.HOST:
        return location_of(await need(tx, "read_host", named))
    row = await need(tx, kind.value, named)
    if kind is ScopeType.ZONE:
        return Location(zone_id=named)
    if kind is ScopeType.POD:
        return Location(zone_id=row["zone_id"], pod_id=named)
    return Location(zone_id=row["zone_id"], pod_id=row["pod_id"], cluster_id=named)
