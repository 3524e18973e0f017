"""Objects of another cloud: known here from now on, judged where they lie."""

from asyncpg import Record
from stowage_contracts.errors import Conflict, InvalidInput, StowageError
from stowage_contracts.messages.image_store import ImportObject, Place
from stowage_contracts.values import ReplicaState, StoreRole, StoreState
from stowage_runtime.handling.tx import Tx

from image_store.deps import Deps
from image_store.intents.locating import intend_locate
from image_store.model.store_states import Verb, check
from image_store.objects.rows import NewRef, add_object, add_ref
from image_store.store import need, need_object
from image_store.views import say_changed

ORIGIN = "import"


async def on_import_object(message: ImportObject, tx: Tx, deps: Deps) -> None:
    """Look for it at every place that does not hold it yet; what stands in the way of one is the
    object's error, and the others are taken all the same."""
    what = message.object
    if not await _known(message, tx):
        return
    problem: StowageError | None = None
    for place in message.places:
        try:
            await _take(message, place, tx)
        except StowageError as error:
            problem = problem or error
    if problem is not None:
        await tx.run("object_failed", what.noun, what.id, problem.problem.model_dump(mode="json"))
    await say_changed(tx, what)


async def _known(message: ImportObject, tx: Tx) -> bool:
    """The object is there or was made; False for one that was deleted, or is somebody else's."""
    what = message.object
    row = await tx.row("object", what.noun, what.id)
    if row is not None:
        same = (row["kind"], row["account_id"]) == (what.kind, message.account_id)
        return same and not row["removed"]
    said = tx.cause.time if tx.cause else tx.now
    if await tx.value("was_overtaken", what.noun, what.id, said):
        return False
    if await tx.value("id_taken", what.id, what.noun):
        return False
    given = message.model_dump(mode="json", exclude={"object", "places", "created"})
    await add_object(tx, what, origin=ORIGIN, **given)
    await tx.run("object_adopted", what.noun, what.id, message.created, None)
    return True


async def _take(message: ImportObject, place: Place, tx: Tx) -> None:
    """Raises NotFound, InvalidInput, GrantRefused or Conflict, none of them by what is there."""
    what = message.object
    store = await need(tx, "store", place.store_id)
    if store["role"] != StoreRole.IMAGE:
        raise InvalidInput("it is no image store", resource=f"store/{store['id']}", code="role")
    check(Verb.READ, StoreState(store["state"]), store["id"])
    known = await tx.row("ref_on", what.noun, what.id, store["id"])
    if known is not None and not _failed(known):
        return
    row = await need_object(tx, what)
    await _check_nobodys(tx, place)
    if known is not None:
        await tx.run("drop_ref", known["id"])
    new = NewRef(
        what=what,
        account_id=row["account_id"],
        store=store,
        install_path=place.key,
        format=row["format"],
        in_place=True,
    )
    ref = await add_ref(tx, new)
    await intend_locate(tx, ref, place.size)


def _failed(ref: Record) -> bool:
    """Whether it was looked for in vain: no agent has vouched for it."""
    return bool(ref["in_place"] and ref["state"] == ReplicaState.FAILED and not ref["verified"])


async def _check_nobodys(tx: Tx, place: Place) -> None:
    """What another object wrote would go with that object."""
    others = await tx.rows("keys_known", place.store_id, [place.key])
    going = await tx.rows("keys_going", place.store_id, [place.key])
    if going or any(not ref["in_place"] for ref in others):
        raise Conflict(
            "another object's replica is there",
            resource=f"store/{place.store_id}",
            code="exists",
            hint="its store is compared with the catalogue by `stowage store scan`",
        )
