"""Copies to primary storage, and what becomes of a replica when its copy ends."""

from asyncpg import Record
from stowage_contracts.errors import Cancelled, Conflict, Problem, StowageError
from stowage_contracts.messages.data_motion import CopyCancelled, CopyCompleted, CopyFailed
from stowage_contracts.messages.image_store import CopyRequested, ReplicaFailed, RequestCopy
from stowage_contracts.values import (
    CopyEnd,
    ImageFormat,
    Location,
    ObjectKind,
    ObjectRef,
    ReplicaState,
    StoreRole,
    StoreState,
    Verdict,
)
from stowage_runtime.handling.tx import Tx

from image_store.deps import Deps
from image_store.ends import image_end, pool_end
from image_store.judging.inspection import inspect
from image_store.model.rooms import check_room
from image_store.objects.leaves import has_leaves
from image_store.objects.replicas import add_grant, ask, fail_replica, ready
from image_store.objects.rows import NewRef, add_object, add_ref
from image_store.store import (
    location_of,
    lock_ref,
    locked_store,
    need,
    need_object,
    object_of,
    object_row,
    reference,
    room_of,
    scope_of,
)
from image_store.views import say_changed


async def on_request_copy(message: RequestCopy, tx: Tx, deps: Deps) -> None:
    """Describe both ends; a second asker of the same destination gets the same ends."""
    try:
        await _request(message, tx, deps)
    except StowageError as error:
        wanted = ObjectRef(kind=ObjectKind.TEMPLATE, id=message.template_id)
        await tx.say(
            ReplicaFailed(
                object=wanted,
                store_id=message.store_id,
                copy_id=message.copy_id,
                error=error.problem,
            )
        )


async def _request(message: RequestCopy, tx: Tx, deps: Deps) -> None:
    wanted = ObjectRef(kind=ObjectKind.TEMPLATE, id=message.template_id)
    template = await need_object(tx, wanted)
    pool = await locked_store(tx, message.store_id)
    host = await need(tx, "read_host", _host_of(pool))
    source, source_store = await _source(template, location_of(host), tx)
    ref = await _destination(message, template, pool, tx, deps)
    write = await tx.row("write_grant_of", ref["id"])
    target = write["id"] if write else await add_grant(tx, ref_id=ref["id"], writes=True)
    read = await add_grant(tx, ref_id=source["id"], for_ref=ref["id"])
    present = ref["state"] == ReplicaState.READY
    if present:  # nobody will read it, and nobody would end it
        await tx.run("grant_state", read, "ended")
    await ask(
        tx,
        ref,
        CopyRequested(
            copy_id=message.copy_id,
            account_id=message.account_id,
            priority=message.priority,
            source=image_end(source, source_store, read),
            destination=pool_end(ref, pool, target, host["hypervisor"]),
            size=source["size"],
            digest=source["digest"],
            location=location_of(host),
            present=present,
            leaves=await has_leaves(tx, source["size"], source["digest"]),
        ),
    )
    await say_changed(tx, object_of(ref))


def _host_of(pool: Record) -> str:
    if pool["role"] != StoreRole.PRIMARY or pool["scope_type"] != "host":
        raise Conflict(
            "templates are copied to primary pools",
            resource=f"store/{pool['id']}",
            hint="name a store of role Primary as the destination",
        )
    if pool["state"] != StoreState.UP:
        raise Conflict(f"the pool is {pool['state']}", resource=f"store/{pool['id']}")
    return str(pool["scope_id"])


async def _source(template: Record, where: Location, tx: Tx) -> tuple[Record, Record]:
    """A Ready replica on a readable image store that reaches the destination."""
    if template["removed"]:
        raise Conflict("the template was deleted", resource=f"template/{template['id']}")
    for ref in await tx.rows("replicas_of", template["noun"], template["id"]):
        if ref["role"] != StoreRole.IMAGE or ref["state"] != ReplicaState.READY:
            continue
        store = await need(tx, "store", ref["store_id"])
        if StoreState(store["state"]).readable and scope_of(store).covers(where):
            return ref, store
    raise Conflict(
        "no readable image store in reach holds it ready",
        resource=f"template/{template['id']}",
        code="not_ready",
        hint="wait until the template is ready in that zone",
    )


async def _destination(
    message: RequestCopy, template: Record, pool: Record, tx: Tx, deps: Deps
) -> Record:
    what = _wanted(message, template)
    wanted = _format(message, template, pool)
    known = await tx.row("ref_on", what.noun, what.id, pool["id"])
    if known is not None:
        return await _same(known, message, wanted, tx)
    if message.volume_id:
        await _new_volume(message, template, pool, tx)
    size = template["virtual_size"] if wanted != template["format"] else template["size"]
    check_room(room_of(pool), size, deps.settings.store_high_water)
    new = NewRef(
        what=what,
        account_id=message.account_id,
        store=pool,
        install_path=f"{what.id}.{wanted}",
        format=wanted,
        copy_id=message.copy_id,
        reserved=size,
    )
    return await add_ref(tx, new)


def _wanted(message: RequestCopy, template: Record) -> ObjectRef:
    if message.volume_id:
        return ObjectRef(kind=ObjectKind.VOLUME, id=message.volume_id)
    return reference(template)


async def _new_volume(message: RequestCopy, template: Record, pool: Record, tx: Tx) -> None:
    """A volume made of a template lives on pools only; image stores know nothing of it."""
    if await tx.value("id_taken", message.volume_id, ObjectKind.VOLUME):
        raise _taken(pool["id"])
    added = await add_object(
        tx,
        ObjectRef(kind=ObjectKind.VOLUME, id=str(message.volume_id)),
        account_id=message.account_id,
        name=message.volume_id,
        format=message.format or template["format"],
        hypervisor=template["hypervisor"],
        scope_type="zone",
        zones=[pool["zone_id"]],
        origin="pool",
        template_id=template["id"],
    )
    if not added:
        raise _taken(pool["id"])


async def _same(known: Record, message: RequestCopy, wanted: ImageFormat, tx: Tx) -> Record:
    """What is there, or on its way, must be what is asked for, by its own account."""
    template_id = message.template_id
    if known["kind"] == ObjectKind.VOLUME:
        if known["account_id"] != message.account_id:
            raise _taken(known["store_id"])
        template_id = (await object_row(tx, known))["template_id"]
    if template_id == message.template_id and known["format"] == wanted:
        return known
    raise Conflict(
        f"{known['object_id']} is there as {known['format']} of template {template_id}",
        code="exists",
        resource=f"store/{known['store_id']}",
        hint="ask for that format, or for a volume of another id",
    )


def _taken(store_id: str) -> Conflict:
    return Conflict(
        "the volume id is taken",
        code="exists",
        resource=f"store/{store_id}",
        hint="ask for a volume of another id",
    )


def _format(message: RequestCopy, template: Record, pool: Record) -> ImageFormat:
    wanted = ImageFormat(message.format or template["format"])
    if wanted not in pool["formats"]:
        raise Conflict(
            f"the pool takes {', '.join(pool['formats'])}, not {wanted}",
            code="format",
            resource=f"store/{pool['id']}",
            hint="ask for one of the pool's formats",
        )
    return wanted


async def _making(end: CopyEnd, tx: Tx) -> Record | None:
    """The replica a copy was making, unless it is settled already or not ours."""
    ref_id = await tx.value("ref_of_write", end.grant.id)
    ref = await lock_ref(tx, ref_id) if ref_id else None
    return ref if ref is not None and ref["state"] == ReplicaState.CREATING else None


async def on_copy_completed(message: CopyCompleted, tx: Tx, deps: Deps) -> None:
    """Ready once the gate has judged the stored bytes; a pool's bytes were judged before."""
    ref = await _making(message.destination, tx)
    if ref is None or message.receipt is None:
        return
    receipt = message.receipt
    await tx.run("answered", ref["id"])
    await tx.run("ref_known", ref["id"], receipt.size, receipt.digest, ref["reserved"])
    ref = await need(tx, "ref", ref["id"])
    verdict = receipt.verdict or await _known_verdict(receipt.digest, ref, tx)
    if verdict is not None or ref["role"] != StoreRole.IMAGE:
        await ready(tx, ref, verdict)
    else:
        await inspect(tx, ref)


async def _known_verdict(digest: str, ref: Record, tx: Tx) -> Verdict | None:
    kept = await tx.value("verdict", digest, ref["format"])
    verdict = Verdict.model_validate(kept) if kept else None
    return verdict if verdict and verdict.accepted else None


async def on_copy_failed(message: CopyFailed, tx: Tx, deps: Deps) -> None:
    """The replica fails with the copy's own reason."""
    await _unasked(message, message.error, tx)


async def on_copy_cancelled(message: CopyCancelled, tx: Tx, deps: Deps) -> None:
    """Whoever else asked still gets it."""
    await _unasked(message, Cancelled("the copy was cancelled").problem, tx)


async def _unasked(message: CopyFailed | CopyCancelled, problem: Problem, tx: Tx) -> None:
    """The last copy that wanted a replica takes it along; one asked for since keeps it."""
    ref = await _making(message.destination, tx)
    if ref is not None and await tx.value("unasked", ref["id"], message.state.id):
        await fail_replica(tx, ref, problem)
