"""Templates and ISOs: registered from a URL into an image store, deleted everywhere."""

from asyncpg import Record
from stowage_contracts import sealing
from stowage_contracts.errors import Conflict, InvalidInput, StowageError
from stowage_contracts.messages.data_motion import CancelCopy
from stowage_contracts.messages.image_store import (
    CopyRequested,
    DeleteTemplate,
    RegisterTemplate,
    ReplicaFailed,
    TemplateChanged,
)
from stowage_contracts.topology import address
from stowage_contracts.values import (
    Location,
    ObjectRef,
    ReplicaState,
    ServiceName,
    StoreRole,
    new_id,
)
from stowage_runtime.handling.tx import Tx

from image_store.deps import Deps
from image_store.model import ReplicaEvent, check_room, install_path, place, reaches
from image_store.replicas import add_grant, ask, destroy
from image_store.store import image_end, move, need, room_of, scope_of, template_view, url_end

SCHEMES = ("http", "https")


async def on_register_template(message: RegisterTemplate, tx: Tx, deps: Deps) -> None:
    """Place it, reserve, and ask for the bytes; a refusal is the template's error."""
    url = _opened(message, deps)
    if not await _add(message, url, tx, deps):
        return
    try:
        _check_url(url)
        if await tx.value("id_taken", message.template_id, "template"):
            raise Conflict("the id is taken by a volume", code="exists", hint="take another id")
        await _fetch(message, tx, deps)
    except StowageError as error:
        await _refuse(message, error, tx)
    await tx.say(TemplateChanged(state=await template_view(tx, message.template_id)))


def _opened(message: RegisterTemplate, deps: Deps) -> str | StowageError:
    try:
        context = sealing.for_template(message.template_id)
        return deps.opener.open(message.sealed_url, context).decode()
    except StowageError as error:
        return error


def _scheme(url: str | StowageError) -> str:
    return url.partition("://")[0].lower() if isinstance(url, str) else ""


def _check_url(url: str | StowageError) -> None:
    if isinstance(url, StowageError):
        raise url
    if _scheme(url) not in SCHEMES:
        raise InvalidInput(
            "a template is not fetched over that scheme",
            code="url",
            hint="give a URL that begins with http:// or https://",
        )


async def _add(message: RegisterTemplate, url: str | StowageError, tx: Tx, deps: Deps) -> bool:
    clear = url.encode() if isinstance(url, str) else b""
    sealed = deps.cipher.seal(clear, template_row(message.template_id))
    return bool(
        await tx.run(
            "add_template",
            message.template_id,
            message.account_id,
            message.name,
            message.format,
            message.hypervisor,
            message.scope.type,
            message.scope.id,
            sealed,
            _scheme(url),
            message.checksum,
        )
    )


def template_row(template_id: str) -> str:
    """What a template's sealed URL is bound to."""
    return f"vm_template/{template_id}"


async def _refuse(message: RegisterTemplate, error: StowageError, tx: Tx) -> None:
    await tx.run("template_failed", message.template_id, error.problem.model_dump(mode="json"))
    await tx.say(
        ReplicaFailed(
            object=ObjectRef(kind="template", id=message.template_id),
            copy_id=message.copy_id,
            store_id=message.store_id,
            error=error.problem,
        )
    )


async def _fetch(message: RegisterTemplate, tx: Tx, deps: Deps) -> None:
    store = await _store_for(message, tx, deps)
    template = await need(tx, "template", message.template_id)
    ref = await _new_ref(message, template, store, tx)
    source = await add_grant(tx, ref_id=None, template_id=template["id"], writes=False)
    target = await add_grant(tx, ref_id=ref["id"], template_id=None, writes=True)
    await ask(
        tx,
        ref,
        CopyRequested(
            copy_id=message.copy_id,
            account_id=message.account_id,
            source=url_end(template, source),
            destination=image_end(ref, store, target),
            checksum=message.checksum,
            max_size=deps.settings.fetch_max_bytes,
            location=Location(zone_id=message.scope.zone_id),
        ),
    )


async def _store_for(message: RegisterTemplate, tx: Tx, deps: Deps) -> Record:
    rooms = {row["id"]: row for row in await tx.rows("image_stores")}
    high = deps.settings.store_high_water
    if message.store_id is None:
        return rooms[place(map(room_of, rooms.values()), message.scope, None, high).store_id]
    store = rooms.get(message.store_id)
    if store is None or not room_of(store).state.writable:
        raise InvalidInput("no such writable image store", resource=f"store/{message.store_id}")
    if not reaches(scope_of(store), message.scope):
        raise InvalidInput("the store does not reach that scope", resource=f"store/{store['id']}")
    check_room(room_of(store), None, high)
    return store


async def _new_ref(message: RegisterTemplate, template: Record, store: Record, tx: Tx) -> Record:
    ref_id = new_id()
    path = install_path(message.account_id, template["id"], template["format"])
    kind = "iso" if template["format"] == "iso" else "template"
    await tx.run(
        "add_ref",
        ref_id,
        kind,
        template["id"],
        template["id"],
        message.account_id,
        store["id"],
        store["role"],
        path,
        template["format"],
        message.copy_id,
        0,
    )
    await move(tx, await need(tx, "ref", ref_id), ReplicaEvent.CREATE_ONLY_REQUESTED)
    return await need(tx, "ref", ref_id)


async def on_delete_template(message: DeleteTemplate, tx: Tx, deps: Deps) -> None:
    """Hidden at once; each replica goes when its store has confirmed."""
    template = await tx.row("template", message.template_id)
    if template is None:
        return
    await tx.run("template_removed", template["id"])
    for ref in await tx.rows("refs_of_template", template["id"]):
        await _delete_replica(ref, tx)
    await tx.say(TemplateChanged(state=await template_view(tx, template["id"])))


async def _delete_replica(ref: Record, tx: Tx) -> None:
    state = ReplicaState(ref["state"])
    if state is ReplicaState.CREATING:
        for asker in await tx.rows("askers_of", ref["id"]):
            cancel = CancelCopy(copy_id=asker["copy_id"], reason="the template was deleted")
            await tx.say(cancel, to=address(ServiceName.DATA_MOTION))
    elif ref["role"] == StoreRole.IMAGE and state in {ReplicaState.READY, ReplicaState.FAILED}:
        await destroy(tx, ref)
