"""Templates, ISOs, volumes and snapshots: registered from a URL, or to be uploaded."""

from stowage_contracts import sealing
from stowage_contracts.errors import Cancelled, Conflict, InvalidInput, NotAuthorized, StowageError
from stowage_contracts.keys import is_key
from stowage_contracts.messages.image_store import (
    RegisterSnapshot,
    RegisterTemplate,
    RegisterVolume,
    ReplicaFailed,
)
from stowage_runtime.handling.tx import Tx

from image_store.deps import Deps
from image_store.intents.taking import intend_take
from image_store.objects.rows import add_object, forget_if_gone
from image_store.objects.sealed_urls import seal_url
from image_store.objects.sources import await_upload, fetch
from image_store.views import say_changed

FETCHED = ("http", "https")
TAKEN = ("s3", "swift")
Registration = RegisterTemplate | RegisterVolume | RegisterSnapshot


async def on_register(message: Registration, tx: Tx, deps: Deps) -> None:
    """Place it, reserve, and ask for the bytes; a refusal is the object's error."""
    url = _opened(message, deps)
    if not await _add(message, url, tx, deps):
        return
    if await _was_deleted(message, tx):
        await _forget(message, tx)
        return
    try:
        await _begin(message, url, tx, deps)
    except StowageError as error:
        await _refuse(message, error, tx)
    await say_changed(tx, message.object)


async def _was_deleted(message: Registration, tx: Tx) -> bool:
    """Whether its deletion, said later, was heard before it."""
    said = tx.cause.time if tx.cause else tx.now
    return bool(await tx.value("was_overtaken", message.object.noun, message.object.id, said))


async def _forget(message: Registration, tx: Tx) -> None:
    what = message.object
    await tx.run("object_removed", what.noun, what.id)
    gone = Cancelled(f"the {what.noun} was deleted", resource=str(what))
    await tx.say(ReplicaFailed(object=what, copy_id=message.copy_id, error=gone.problem))
    await forget_if_gone(tx, what)


def _opened(message: Registration, deps: Deps) -> str | StowageError:
    if not message.sealed_url:
        return ""
    try:
        return deps.opener.open(message.sealed_url, sealing.for_object(message.object)).decode()
    except StowageError as error:
        return error


def _scheme(url: str | StowageError) -> str:
    return url.partition("://")[0].lower() if isinstance(url, str) else ""


def _origin(message: Registration, url: str | StowageError) -> str:
    if not message.sealed_url:
        return "upload"
    return "store" if _scheme(url) in TAKEN else "url"


async def _begin(message: Registration, url: str | StowageError, tx: Tx, deps: Deps) -> None:
    if isinstance(url, StowageError):
        raise url
    if await tx.value("id_taken", message.object.id, message.object.noun):
        raise Conflict("the id is taken by another kind of object", code="exists")
    if not message.sealed_url:
        await await_upload(message, tx, deps)
    elif _scheme(url) in FETCHED:
        await fetch(message, tx, deps)
    elif _scheme(url) in TAKEN:
        _check_own(message, url)
        await intend_take(tx, message.object, message.copy_id, in_place=message.in_place)
    else:
        raise InvalidInput(
            "an image is not fetched over that scheme",
            code="url",
            hint="give a URL that begins with http://, https://, s3:// or swift://",
        )


def _check_own(message: Registration, url: str) -> None:
    """A store's credentials open every tenant's objects: others than operators name their own."""
    key = url.partition("://")[2].partition("/")[2]
    own = key.startswith(f"import/{message.account_id}/") and is_key(key)
    if not message.admin and not own:
        raise NotAuthorized(
            "only objects below import/<account id>/ may be taken by their account",
            code="not_own",
            resource=str(message.object),
        )


async def _add(message: Registration, url: str | StowageError, tx: Tx, deps: Deps) -> bool:
    clear = url if isinstance(url, str) else ""
    return await add_object(
        tx,
        message.object,
        account_id=message.account_id,
        name=message.name,
        format=message.format,
        scope_type=message.scope.type,
        zones=[message.scope.zone_id] if message.scope.zone_id else [],
        origin=_origin(message, url),
        sealed_url=seal_url(clear, message.object, deps),
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


async def _refuse(message: Registration, error: StowageError, tx: Tx) -> None:
    what, problem = message.object, error.problem
    await tx.run("object_failed", what.noun, what.id, problem.model_dump(mode="json"))
    await tx.say(ReplicaFailed(object=what, copy_id=message.copy_id, error=problem))
