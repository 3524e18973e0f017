"""A template asked for on a pool: as the pool's own copy of it, or as a volume made of it."""

from dataclasses import dataclass

from asyncpg import Record
from stowage_contracts.errors import Conflict
from stowage_contracts.messages.image_store import CopyRequested, RequestCopy
from stowage_contracts.values import (
    CopyEnd,
    HopMethod,
    ImageFormat,
    ObjectKind,
    ReplicaState,
    new_id,
)
from stowage_runtime.handling.tx import Tx

from image_store.deps import Deps
from image_store.ends import image_end, pool_end
from image_store.installing import volumes
from image_store.installing.sites import (
    Site,
    check_format,
    check_there,
    readable_source,
    site_of,
    template_of,
)
from image_store.installing.stirring import wait_for
from image_store.model.rooms import check_room
from image_store.objects.leaves import has_leaves
from image_store.objects.replicas import add_grant, ask
from image_store.objects.rows import NewRef, add_ref
from image_store.store import object_of, room_of
from image_store.views import say_changed


@dataclass(frozen=True)
class _Wanted:
    """What is to be on the pool, and how it gets there."""

    ref: Record
    method: HopMethod = HopMethod.COPY
    base: Record | None = None


async def request(message: RequestCopy, tx: Tx, deps: Deps) -> None:
    """Ask for the bytes, at once or when the pool's copy they are made of is there. Asked again it
    gives the same ends. Raises StowageError when it can't be."""
    site = await site_of(message, tx)
    wanted = await (_volume if message.volume_id else _template)(message, site, tx, deps)
    if wanted.base is not None and wanted.base["state"] != ReplicaState.READY:
        await wait_for(tx, wanted.base, wanted.ref, message)
    else:
        await _ask(message, site, wanted, tx)
    await say_changed(tx, object_of(wanted.ref))


async def _template(message: RequestCopy, site: Site, tx: Tx, deps: Deps) -> _Wanted:
    format = check_format(ImageFormat(message.format or site.template["format"]), site.pool)
    known = await site.held(tx)
    if known is None:
        await readable_source(site, tx)
        return _Wanted(await _new_copy(site, format, message.copy_id, (tx, deps)))
    return _Wanted(_same_format(check_there(known), format))


def _same_format(held: Record, format: ImageFormat) -> Record:
    if held["format"] == format:
        return held
    raise Conflict(
        f"{held['object_id']} is there as {held['format']}",
        code="exists",
        resource=f"store/{held['store_id']}",
        hint="ask for that format, or for a volume",
    )


async def _volume(message: RequestCopy, site: Site, tx: Tx, deps: Deps) -> _Wanted:
    known = await tx.row("ref_on", ObjectKind.VOLUME, message.volume_id, site.pool["id"])
    if known is None:
        return await _new_volume(message, site, tx, deps)
    await volumes.check_same(message, site, check_there(known), tx)
    way = volumes.way_of(known)
    if known["state"] == ReplicaState.READY or way.method is HopMethod.COPY:
        return _Wanted(known)
    return _Wanted(known, way.method, await _base(message, site, way.base, (tx, deps)))


async def _new_volume(message: RequestCopy, site: Site, tx: Tx, deps: Deps) -> _Wanted:
    format = check_format(ImageFormat(message.format or site.template["format"]), site.pool)
    await volumes.check_free(message, site, tx)
    choice = await volumes.choice_of(site, format, tx, deps)
    need = _size(site, format) if choice.plan.base is None else 0
    check_room(room_of(site.pool), need, deps.settings.store_high_water)
    base = None
    if choice.plan.base is not None:
        base = await _base(message, site, choice.plan.base, (tx, deps))
    else:
        await readable_source(site, tx)
    new = NewRef(
        what=volumes.object_ref(message),
        account_id=message.account_id,
        store=site.pool,
        install_path=f"{message.volume_id}.{format}",
        format=format,
        copy_id=message.copy_id,
        reserved=need,
    )
    ref = await volumes.add(new, site, (choice, base), tx)
    return _Wanted(ref, choice.plan.method, base)


async def _base(
    message: RequestCopy, site: Site, format: ImageFormat | None, using: tuple[Tx, Deps]
) -> Record:
    """The pool's own copy; where it is missing it is asked for, once for all that want it, and
    again by whoever is in a greater hurry than those before."""
    tx = using[0]
    assert format is not None
    held = await site.held(tx)
    copy = message.model_copy(update={"copy_id": new_id(), "volume_id": None, "format": format})
    if held is None:
        held = await _new_copy(site, check_format(format, site.pool), copy.copy_id, using)
        await _ask(copy, site, _Wanted(held), tx)
        return held
    making = _same_format(check_there(held), format)["state"] == ReplicaState.CREATING
    if making and message.priority > await tx.value("hurry_of", held["id"]):
        await _ask(copy, site, _Wanted(held), tx)
    return held


async def _new_copy(
    site: Site, format: ImageFormat, copy_id: str, using: tuple[Tx, Deps]
) -> Record:
    tx, deps = using
    size = _size(site, format)
    check_room(room_of(site.pool), size, deps.settings.store_high_water)
    new = NewRef(
        what=template_of(site),
        account_id=site.template["account_id"],
        store=site.pool,
        install_path=f"{site.template['id']}.{format}",
        format=format,
        copy_id=copy_id,
        reserved=size,
    )
    return await add_ref(tx, new)


def _size(site: Site, format: ImageFormat) -> int:
    """Most bytes it takes: a converted one may be as long as its disk."""
    whole = format != site.template["format"]
    return int(site.template["virtual_size" if whole else "size"] or 0)


async def _ask(message: RequestCopy, site: Site, wanted: _Wanted, tx: Tx) -> None:
    ref, method = wanted.ref, wanted.method
    present = ref["state"] == ReplicaState.READY
    source, end = await _source(site, wanted, tx)
    if present:  # nobody will read it, and nobody would end it
        await tx.run("grant_state", end.grant.id, "ended")
    write = await tx.row("write_grant_of", ref["id"])
    target = write["id"] if write else await add_grant(tx, ref_id=ref["id"], writes=True)
    overlay = method is HopMethod.BACKING  # has other bytes than what it stands on
    await ask(
        tx,
        ref,
        CopyRequested(
            copy_id=message.copy_id,
            account_id=message.account_id,
            priority=message.priority,
            source=end,
            destination=pool_end(ref, site.pool, target, site.host["hypervisor"]),
            size=None if overlay else source["size"],
            digest=None if overlay else source["digest"],
            location=site.location,
            present=present,
            leaves=wanted.base is None and await has_leaves(tx, source["size"], source["digest"]),
            method=method,
        ),
    )


async def _source(site: Site, wanted: _Wanted, tx: Tx) -> tuple[Record, CopyEnd]:
    """The pool's copy the volume is made of, or a replica on an image store."""
    base = wanted.base
    if base is not None:  # one grant for all who ask: an overlay's source is known by it
        read = await tx.value("read_grant_of", base["id"], wanted.ref["id"])
        read = read or await add_grant(tx, ref_id=base["id"], for_ref=wanted.ref["id"])
        return base, pool_end(base, site.pool, read, site.host["hypervisor"])
    source, store = await readable_source(site, tx)
    read = await add_grant(tx, ref_id=source["id"], for_ref=wanted.ref["id"])
    return source, image_end(source, store, read)
