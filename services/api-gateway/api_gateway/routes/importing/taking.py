"""Taking over: each object by itself, so that a bad one stops no other."""

from asyncpg import Record
from stowage_contracts.errors import InvalidInput, StowageError
from stowage_contracts.messages.image_store import ImportObject, Place
from stowage_contracts.values import Scope, StoreRole
from stowage_contracts.views import ObjectView
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call, Reply
from stowage_runtime.service import Desk

from api_gateway.deps import Deps
from api_gateway.idempotency import accept
from api_gateway.orders import IMAGE_STORE
from api_gateway.resources import pending, reference
from api_gateway.routes.importing.bodies import Import, Imported, Item, NewImport, Progress
from api_gateway.routes.importing.owners import settle
from api_gateway.routes.importing.progress import progress_of
from api_gateway.routes.objects.nouns import NOUNS

_NOUNS = {noun.name: noun for noun in NOUNS}
_SAID = {
    "account_id",
    "name",
    "format",
    "zones",
    "hypervisor",
    "checksum",
    "template_id",
    "volume_id",
    "parent_id",
    "tags",
    "created",
}
_AGAIN = frozenset({Progress.UNKNOWN, Progress.FAILED})


async def take_over(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Take objects over; sent again it changes nothing but what failed, which is tried anew."""
    call.principal.require_admin()
    body: Import = call.body

    async def make(tx: Tx) -> Imported:
        known = await _known(body, tx)
        if body.mode == "look":
            items = [progress_of(new, known.get(_key(new))) for new in body.objects]
            return Imported(items=tuple(items))
        for owner in body.accounts:
            await settle(owner, tx)
        checked: dict[str, StowageError | None] = {}
        items = [
            await _taken(new, known.get(_key(new)), (call, checked), tx) for new in body.objects
        ]
        return Imported(items=tuple(items))

    return await accept(call, desk, deps, make)


def _key(new: NewImport) -> tuple[str, str]:
    return new.what.noun, new.id


async def _known(body: Import, tx: Tx) -> dict[tuple[str, str], Record]:
    nouns, ids = [new.what.noun for new in body.objects], [new.id for new in body.objects]
    rows = await tx.rows("imported_known", nouns, ids)
    return {(row["noun"], row["id"]): row for row in rows}


async def _taken(
    new: NewImport,
    row: Record | None,
    checking: tuple[Call, dict[str, StowageError | None]],
    tx: Tx,
) -> Item:
    item = progress_of(new, row)
    if item.progress not in _AGAIN:
        return item
    error = await _wrong(new, checking, tx)
    if error is not None:
        refused = {"progress": Progress.REFUSED, "error": error.problem}
        return item.model_copy(update=refused)
    if row is None:
        await _add(new, tx)
    await _describe(new, tx)
    await tx.say(_command(new), to=IMAGE_STORE)
    return item.model_copy(update={"progress": Progress.TAKEN, "error": None})


async def _wrong(
    new: NewImport, checking: tuple[Call, dict[str, StowageError | None]], tx: Tx
) -> StowageError | None:
    """What of the zones and stores it names is not there; each is looked for once."""
    call, checked = checking
    named = [("zone", zone) for zone in new.zones]
    for noun, key in (*named, *(("store", place.store_id) for place in new.places)):
        if f"{noun}/{key}" not in checked:
            checked[f"{noun}/{key}"] = await _missing(noun, key, call, tx)
        if (error := checked[f"{noun}/{key}"]) is not None:
            return error
    return None


async def _missing(noun: str, key: str, call: Call, tx: Tx) -> StowageError | None:
    try:
        found = await reference(noun, key, call.principal, tx)
    except StowageError as error:
        return error
    if noun == "store" and found["role"] != StoreRole.IMAGE:
        told = f"the store has role {found['role']}; objects are kept on image stores"
        return InvalidInput(told, code="role", resource=f"store/{key}")
    return None


async def _add(new: NewImport, tx: Tx) -> None:
    """It is read back at once."""
    noun = _NOUNS[new.what.noun]
    fields = new.model_dump(include=_SAID - {"zones"})
    scope = Scope.zone(new.zones[0]) if new.zones else Scope.region()
    view: ObjectView = noun.view.model_validate(
        {**fields, "id": new.id, "kind": new.kind, "scope": scope}
    )
    await pending(tx, noun.name, view, new.account_id)


async def _describe(new: NewImport, tx: Tx) -> None:
    told, noun = new.description, new.what.noun
    flags = (told.public, told.featured, told.extractable, told.attributes)
    await tx.run("describe_imported", noun, new.id, new.account_id, new.created, *flags)
    if told.shared_with:
        await tx.run("share_imported", noun, new.id, list(told.shared_with))


def _command(new: NewImport) -> ImportObject:
    return ImportObject(
        object=new.what,
        scope_type=new.scope_type,
        places=tuple(Place.model_validate(dict(place)) for place in new.places),
        **new.model_dump(include=_SAID),
    )
