"""Templates made of a volume or snapshot that image stores hold."""

from asyncpg import Record
from stowage_contracts.errors import Conflict, InvalidInput, StowageError
from stowage_contracts.messages.image_store import CopyRequested, MakeTemplate, ReplicaFailed
from stowage_contracts.values import Location, ObjectKind, ObjectRef
from stowage_runtime.handling.tx import Tx

from image_store.deps import Deps
from image_store.ends import image_end
from image_store.keeping.placing import store_for, wish_of
from image_store.keeping.reserving import check_account
from image_store.objects.leaves import has_leaves
from image_store.objects.replicas import add_grant, ask
from image_store.objects.rows import add_image_ref, add_object
from image_store.objects.sources import readable_at
from image_store.store import need_object, scope_of
from image_store.views import say_changed


async def on_make_template(message: MakeTemplate, tx: Tx, deps: Deps) -> None:
    """Copy the bytes as they are and judge them as a template's; a refusal is its error."""
    what = ObjectRef(kind=ObjectKind.TEMPLATE, id=message.template_id)
    if not await _add(message, what, tx):
        return
    try:
        if await tx.value("id_taken", what.id, what.noun):
            raise Conflict("the id is taken by another kind of object", code="exists")
        await _begin(message, what, tx, deps)
    except StowageError as error:
        problem = error.problem
        await tx.run("object_failed", what.noun, what.id, problem.model_dump(mode="json"))
        await tx.say(ReplicaFailed(object=what, copy_id=message.copy_id, error=problem))
    await say_changed(tx, what)


async def _add(message: MakeTemplate, what: ObjectRef, tx: Tx) -> bool:
    return await add_object(
        tx,
        what,
        account_id=message.account_id,
        name=message.name,
        format=message.format,
        hypervisor=message.hypervisor,
        scope_type=message.scope.type,
        zones=[message.scope.zone_id] if message.scope.zone_id else [],
        origin="object",
    )


async def _begin(message: MakeTemplate, what: ObjectRef, tx: Tx, deps: Deps) -> None:
    made, location = await need_object(tx, what), Location(zone_id=message.scope.zone_id)
    found, held = await _source(message, location, tx)
    store = await store_for(tx, wish_of(made, size=found["size"]), deps)
    await check_account(tx, message.account_id, found["size"])
    ref = await add_image_ref(tx, made, store, message.copy_id)
    await tx.run("reserve", ref["id"], found["size"])
    read = await add_grant(tx, ref_id=found["id"], for_ref=ref["id"])
    write = await add_grant(tx, ref_id=ref["id"], writes=True)
    request = CopyRequested(
        copy_id=message.copy_id,
        account_id=message.account_id,
        source=image_end(found, held, read),
        destination=image_end(ref, store, write),
        size=found["size"],
        digest=found["digest"],
        location=Location(zone_id=scope_of(store).zone_id),
        leaves=await has_leaves(tx, found["size"], found["digest"]),
    )
    await ask(tx, ref, request)


async def _source(message: MakeTemplate, where: Location, tx: Tx) -> tuple[Record, Record]:
    """A good replica with its store; raises Conflict, InvalidInput, NotFound."""
    row = await need_object(tx, message.source)
    if row["removed"]:
        raise Conflict(f"the {row['noun']} was deleted", resource=str(message.source))
    if row["format"] != message.format:
        raise InvalidInput(
            f"its format is {row['format']}", resource=str(message.source), code="format"
        )
    if row["parent_id"]:
        raise InvalidInput(
            "a snapshot that stands on another one is no image by itself",
            resource=str(message.source),
            code="chain",
            hint="make the template of a full snapshot",
        )
    return await readable_at(row, where, tx)
