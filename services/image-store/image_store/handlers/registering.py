"""Templates, ISOs, volumes and snapshots: registered from a URL, or to be uploaded."""

from asyncpg import Record
from stowage_contracts import sealing
from stowage_contracts.errors import Conflict, InvalidInput, StowageError
from stowage_contracts.messages.image_store import (
    CopyRequested,
    Register,
    RegisterSnapshot,
    RegisterTemplate,
    RegisterVolume,
    ReplicaFailed,
)
from stowage_contracts.values import Location, ObjectRef
from stowage_runtime.handling.tx import Tx

from image_store.deps import Deps
from image_store.ends import image_end, url_end
from image_store.model.placement import Wish, choose
from image_store.objects import add_image_ref, add_object
from image_store.placing import rules_of
from image_store.replicas import add_grant, ask
from image_store.store import need_object, room_of
from image_store.views import say_changed

SCHEMES = ("http", "https")
_TABLE = {"template": "vm_template", "volume": "volumes", "snapshot": "snapshots"}
Registration = RegisterTemplate | RegisterVolume | RegisterSnapshot


async def on_register(message: Registration, tx: Tx, deps: Deps) -> None:
    """Place it, reserve, and ask for the bytes; a refusal is the object's error."""
    url = _opened(message, deps)
    if not await _add(message, url, tx, deps):
        return
    try:
        await _check(message, url, tx)
        await _fetch(message, tx, deps)
    except StowageError as error:
        await _refuse(message, error, tx)
    await say_changed(tx, message.object)


def _opened(message: Registration, deps: Deps) -> str | StowageError:
    if not message.sealed_url:
        return ""
    try:
        return deps.opener.open(message.sealed_url, sealing.for_object(message.object)).decode()
    except StowageError as error:
        return error


def _scheme(url: str | StowageError) -> str:
    return url.partition("://")[0].lower() if isinstance(url, str) else ""


async def _check(message: Registration, url: str | StowageError, tx: Tx) -> None:
    if isinstance(url, StowageError):
        raise url
    if _scheme(url) not in SCHEMES:
        raise InvalidInput(
            "an image is not fetched over that scheme",
            code="url",
            hint="give a URL that begins with http:// or https://",
        )
    if await tx.value("id_taken", message.object.id, message.object.noun):
        raise Conflict("the id is taken by another kind of object", code="exists")


async def _add(message: Registration, url: str | StowageError, tx: Tx, deps: Deps) -> bool:
    clear = url.encode() if isinstance(url, str) else b""
    return await add_object(
        tx,
        message.object,
        account_id=message.account_id,
        name=message.name,
        format=message.format,
        scope_type=message.scope.type,
        zones=[message.scope.zone_id] if message.scope.zone_id else [],
        origin="url",
        sealed_url=deps.cipher.seal(clear, url_row(message.object)),
        url_scheme=_scheme(url),
        checksum=message.checksum,
        tags=message.tags,
        min_copies=message.min_copies,
        max_copies=message.max_copies,
        wanted_stores=message.store_ids,
        **_special(message),
    )


def _special(message: Registration) -> dict[str, str | None]:
    if isinstance(message, RegisterTemplate):
        return {"hypervisor": message.hypervisor}
    if isinstance(message, RegisterSnapshot):
        return {"volume_id": message.volume_id, "parent_id": message.parent_id}
    return {}


def url_row(what: ObjectRef) -> str:
    """What an object's sealed URL is bound to."""
    return f"{_TABLE[what.noun]}/{what.id}"


async def _refuse(message: Registration, error: StowageError, tx: Tx) -> None:
    problem = error.problem
    await tx.run(
        "object_failed", message.object.noun, message.object.id, problem.model_dump(mode="json")
    )
    failed = ReplicaFailed(object=message.object, copy_id=message.copy_id, error=problem)
    await tx.say(failed)


async def _fetch(message: Registration, tx: Tx, deps: Deps) -> None:
    """One store reads the source; the others take it from there."""
    row = await need_object(tx, message.object)
    stores = await _stores(message, tx, deps)
    refs = [await add_image_ref(tx, row, store, message.copy_id) for store in stores[:1]]
    source = await add_grant(
        tx, source_noun=row["noun"], source_id=row["id"], for_ref=refs[0]["id"]
    )
    target = await add_grant(tx, ref_id=refs[0]["id"], writes=True)
    await ask(
        tx,
        refs[0],
        CopyRequested(
            copy_id=message.copy_id,
            account_id=message.account_id,
            source=url_end(row, source),
            destination=image_end(refs[0], stores[0], target),
            checksum=message.checksum,
            max_size=deps.settings.fetch_max_bytes,
            location=Location(zone_id=message.scope.zone_id),
        ),
    )


async def _stores(message: Register, tx: Tx, deps: Deps) -> list[Record]:
    """Each store named, or the one that placement chooses; raises when one may not take it."""
    rows = {row["id"]: row for row in await tx.rows("image_stores")}
    rules = await rules_of(tx)
    rooms = [room_of(row) for row in rows.values()]
    unknown = [store_id for store_id in message.store_ids if store_id not in rows]
    if unknown:
        raise InvalidInput("no such image store", resource=f"store/{unknown[0]}")
    wished: list[tuple[str, ...]] = [(each,) for each in message.store_ids] or [()]
    high = deps.settings.store_high_water
    return [rows[choose(rooms, rules, wish_of(message, only), high).store_id] for only in wished]


def wish_of(message: Register, only: tuple[str, ...]) -> Wish:
    """What a registration asks of placement, on some stores only."""
    return Wish(
        kind=message.object.kind,  # type: ignore[attr-defined]
        format=message.format,
        account_id=message.account_id,
        scope=message.scope,
        size=message.size,
        tags=message.tags,
        store_ids=only,
    )
