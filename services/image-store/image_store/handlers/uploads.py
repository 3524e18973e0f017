"""Uploads by a client straight into a store; abandoned ones vanish."""

from datetime import timedelta

from asyncpg import Record
from stowage_contracts.errors import Cancelled, Conflict, StowageError
from stowage_contracts.grants import Grant
from stowage_contracts.messages.hypervisor_agent import LinkTicket
from stowage_contracts.messages.image_store import (
    FinishUpload,
    OpenUpload,
    TakeUpload,
    UploadOpened,
    UploadTaken,
)
from stowage_contracts.parts import offset_of_part
from stowage_contracts.plugins.image_store_driver import WriteAsk
from stowage_contracts.values import ObjectRef, StoreState
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk

from image_store.deps import Deps
from image_store.doors import door_url, speaks_http
from image_store.intents.cleaning import intend_abort
from image_store.intents.finishing import intend_finish
from image_store.keeping.reserving import reserve
from image_store.model.store_states import Verb, check
from image_store.objects.replicas import fail_replica
from image_store.store import check_owner, driver_of, lock_ref, need, object_of
from image_store.views import tell_trouble


async def on_open_upload(message: OpenUpload, desk: Desk, deps: Deps) -> UploadOpened:
    """Raises Conflict when there is nothing to upload (any more), GrantRefused, OutOfSpace,
    Unavailable."""
    async with desk.transaction() as tx:
        ref = await _open(message.object, tx)
        check_owner(ref, message.account_id)
        grant = await need(tx, "grant", (await _write_of(ref, tx))["id"])
        expires = tx.now + timedelta(seconds=deps.settings.upload_seconds)
        await tx.run("upload_alive", grant["id"], expires, f"{grant['id']}.1")
        grant = await need(tx, "grant", grant["id"])
        store = await need(tx, "store", ref["store_id"])
        begun = Verb.CONTINUE if grant["session"] else Verb.WRITE
        check(begun, StoreState(store["state"]), store["id"])
        http = speaks_http(store) and not message.door
        url = None if http else await door_url(tx, (grant, ref, store), deps)
    access = await _parts(message, (grant, ref, store), desk, deps) if http else None
    return UploadOpened(object=message.object, grant=access, url=url, expires=expires)


async def _open(what: ObjectRef, tx: Tx) -> Record:
    ref = await tx.row("ref_of_upload", what.noun, what.id)
    if ref is None:
        raise Conflict("nothing is to be uploaded for it", resource=str(what), code="no_upload")
    return ref


async def _write_of(ref: Record, tx: Tx) -> Record:
    grant = await tx.row("write_grant_of", ref["id"])
    assert grant is not None  # _open found it
    return grant


async def _parts(
    message: OpenUpload, rows: tuple[Record, Record, Record], desk: Desk, deps: Deps
) -> Grant:
    """URLs of the parts asked for; their bytes are reserved before they are given out."""
    grant, ref, store = rows
    ask = WriteAsk(
        key=ref["install_path"],
        writer=grant["writer"],
        size=ref["reserved"] or None,
        session=grant["session"],
        seconds=deps.settings.grant_seconds,
        first_part=message.first_part,
        part_count=message.part_count,
    )
    access = await (await driver_of(store, deps.stores)).grant(ask)
    async with desk.transaction() as tx:
        kept = await tx.run("grant_session", grant["id"], grant["writer"], access.session)
        if kept and ask.size is None and access.parts:
            await reserve(ref, _end_of(access), tx, deps)
        elif not kept:
            await intend_abort(tx, ref, writer=grant["writer"], session=access.session)
    if not kept:
        raise Conflict("the upload ended meanwhile", resource=str(message.object), code="no_upload")
    return access


def _end_of(access: Grant) -> int:
    after = access.parts[-1].number + 1
    return offset_of_part(after, access.part_size, access.part_growth)


async def on_finish_upload(message: FinishUpload, tx: Tx, deps: Deps) -> None:
    """Commit what was sent, if it is all there; otherwise the object says what is missing."""
    await tx.row("object", message.object.noun, message.object.id)
    ref = await tx.row("ref_of_upload", message.object.noun, message.object.id)
    if ref is None:
        return
    try:
        await _finish(message, ref, tx, deps)
    except StowageError as error:
        await tell_trouble(tx, message.object, error)


async def on_take_upload(message: TakeUpload, desk: Desk, deps: Deps) -> UploadTaken:
    """As FinishUpload, said by the agent whose door took all of it; raises GrantRefused, Conflict,
    OutOfSpace."""
    async with desk.transaction() as tx:
        ticket = deps.verifier.verify(message.ticket, LinkTicket, tx.now)
        ticket.check(message.grant_id, desk.cause.source if desk.cause else "")
        what = ticket.object.object
        await tx.row("object", what.noun, what.id)
        ref = await tx.row("ref_of_upload", what.noun, what.id)
        if ref is not None:  # else it was taken already
            await _finish(FinishUpload(object=what, size=message.size), ref, tx, deps)
    return UploadTaken(grant_id=message.grant_id)


async def _finish(message: FinishUpload, ref: Record, tx: Tx, deps: Deps) -> None:
    """What is more than was promised needs room as well."""
    if not (await _write_of(ref, tx))["writer"]:
        raise Conflict("nothing was sent yet", resource=str(message.object), code="no_upload")
    await reserve(ref, message.size, tx, deps)
    await intend_finish(tx, ref, message.size)


async def abandon(tx: Tx, deps: Deps) -> None:
    """Give up uploads nobody went on with; nothing of them stays."""
    for late in await tx.rows("uploads_abandoned"):
        ref = await lock_ref(tx, late["ref_id"])
        if ref is None:
            continue
        what = object_of(ref)
        await tx.run("object_removed", what.noun, what.id)
        gone = Cancelled("the upload was abandoned", resource=str(what), code="abandoned")
        await fail_replica(tx, ref, gone.problem)
