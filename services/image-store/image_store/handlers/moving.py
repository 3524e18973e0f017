"""Volumes moved between primary pools and other stores; the old replica goes with the new one's
Ready, in one transaction."""

from dataclasses import dataclass

from asyncpg import Record
from stowage_contracts.errors import Conflict, StowageError
from stowage_contracts.messages.image_store import CopyRequested, MoveVolume, ReplicaFailed
from stowage_contracts.values import (
    CopyEnd,
    Location,
    ObjectKind,
    ObjectRef,
    ReplicaState,
    StoreRole,
    StoreState,
)
from stowage_runtime.handling.tx import Tx

from image_store.deps import Deps
from image_store.ends import image_end, pool_end
from image_store.installing.sites import check_format, host_of
from image_store.keeping.reserving import check_account
from image_store.model.paths import install_path
from image_store.model.rooms import check_room
from image_store.model.store_states import Verb, check
from image_store.objects.replicas import add_grant, ask
from image_store.objects.rows import NewRef, add_ref
from image_store.store import (
    check_owner,
    location_of,
    locked_store,
    need,
    need_object,
    room_of,
    scope_of,
)
from image_store.views import say_changed


@dataclass(frozen=True)
class _Move:
    """A volume, the replica that is to move, and the store it is to be on."""

    volume: Record
    source: Record
    store: Record


async def on_move_volume(message: MoveVolume, tx: Tx, deps: Deps) -> None:
    """Ask for the bytes at the new place; a move that can't be changes nothing."""
    what = ObjectRef(kind=ObjectKind.VOLUME, id=message.volume_id)
    try:
        await _begin(message, await _checked(message, what, tx, deps), tx)
    except StowageError as error:
        await tx.say(
            ReplicaFailed(
                object=what, store_id=message.store_id, copy_id=message.copy_id, error=error.problem
            )
        )


async def _checked(message: MoveVolume, what: ObjectRef, tx: Tx, deps: Deps) -> _Move:
    volume = await need_object(tx, what)
    check_owner(volume, message.account_id)
    if volume["removed"]:
        raise Conflict("the volume was deleted", resource=str(what))
    source = await _standing(what, tx)
    store = await locked_store(tx, message.store_id)
    await _check_target(_Move(volume, source, store), tx)
    check_room(room_of(store), source["size"], deps.settings.store_high_water)
    if store["role"] == StoreRole.IMAGE:
        await check_account(tx, volume["account_id"], source["size"])
    return _Move(volume, source, store)


async def _standing(what: ObjectRef, tx: Tx) -> Record:
    """The one replica that can move; raises Conflict."""
    ready = [
        ref
        for ref in await tx.rows("refs_of", what.noun, what.id)
        if ref["state"] == ReplicaState.READY
    ]
    pools = [ref for ref in ready if ref["role"] == StoreRole.PRIMARY]
    if len(pools or ready) != 1:
        told = f"is ready on {len(ready)} stores" if ready else "is not ready anywhere"
        raise Conflict(
            f"the volume {told}; one that moves stands on one",
            resource=str(what),
            code="not_movable",
            hint="delete the other replicas first" if ready else "wait until it is ready",
        )
    (source,) = pools or ready
    if source["base_ref"]:
        raise Conflict(
            "it is a linked clone: without the pool's copy of its template it is no volume",
            resource=str(what),
            code="linked_clone",
            hint="write it to a whole image on its host, and register that",
        )
    if await tx.row("moving_from", source["id"]) is not None:
        raise Conflict("it is being moved already", resource=str(what), code="moving")
    return source


async def _check_target(move: _Move, tx: Tx) -> None:
    volume, source, store = move.volume, move.source, move.store
    where = f"store/{store['id']}"
    if await tx.row("ref_on", volume["noun"], volume["id"], store["id"]) is not None:
        raise Conflict(
            "a replica of the volume is there, or is leaving", resource=where, code="exists"
        )
    if store["role"] == StoreRole.PRIMARY:
        host_of(store)
        check_format(source["format"], store)
        return
    check(Verb.WRITE, StoreState(store["state"]), store["id"])
    if source["role"] == StoreRole.IMAGE:
        raise Conflict(
            "between image stores replicas are made and dropped as wished for, not moved",
            resource=where,
            code="role",
            hint="evacuate the store, or add a copy and delete the replica",
        )


async def _begin(message: MoveVolume, move: _Move, tx: Tx) -> None:
    volume, source = move.volume, move.source
    ref = await _new_ref(message, move, tx)
    read = await add_grant(tx, ref_id=source["id"], for_ref=ref["id"])
    write = await add_grant(tx, ref_id=ref["id"], writes=True)
    there = await need(tx, "store", source["store_id"])
    known = source["role"] == StoreRole.IMAGE  # a guest may have written to what is on a pool
    await ask(
        tx,
        ref,
        CopyRequested(
            copy_id=message.copy_id,
            account_id=message.account_id,
            priority=message.priority,
            source=await _end(source, there, read, tx),
            destination=await _end(ref, move.store, write, tx),
            size=source["size"] if known else None,
            digest=source["digest"] if known else None,
            location=await _location(move.store, tx),
            moves=True,
        ),
    )
    await say_changed(tx, ObjectRef(kind=ObjectKind.VOLUME, id=volume["id"]))


async def _new_ref(message: MoveVolume, move: _Move, tx: Tx) -> Record:
    volume, source, store = move.volume, move.source, move.store
    key = f"{volume['id']}.{source['format']}"
    if store["role"] == StoreRole.IMAGE:
        kind = ObjectKind(volume["kind"])
        key = install_path(kind, volume["account_id"], volume["id"], source["format"])
    new = NewRef(
        what=ObjectRef(kind=ObjectKind.VOLUME, id=volume["id"]),
        account_id=volume["account_id"],
        store=store,
        install_path=key,
        format=source["format"],
        copy_id=message.copy_id,
        reserved=source["size"],
    )
    ref = await add_ref(tx, new)
    await tx.run("ref_moves", ref["id"], source["id"])
    return await need(tx, "ref", ref["id"])


async def _end(ref: Record, store: Record, grant_id: str, tx: Tx) -> CopyEnd:
    if store["role"] != StoreRole.PRIMARY:
        return image_end(ref, store, grant_id)
    host = await need(tx, "read_host", store["scope_id"])
    return pool_end(ref, store, grant_id, host["hypervisor"])


async def _location(store: Record, tx: Tx) -> Location:
    if store["role"] != StoreRole.PRIMARY:
        return Location(zone_id=scope_of(store).zone_id)
    return location_of(await need(tx, "read_host", store["scope_id"]))
