"""Volumes: listed, uploaded, changed, destroyed, recovered and deleted."""

from typing import Any

from asyncpg import Record
from pydantic import SecretStr
from stowage_contracts.errors import Problem
from stowage_contracts.messages.image_store import ChangeObject, DeleteVolume
from stowage_runtime.handling.tx import Tx

from api_gateway.cloudstack.answers import Answer, One, Rows, Success
from api_gateway.cloudstack.asks import Ask, Paging
from api_gateway.cloudstack.command import Command
from api_gateway.cloudstack.counting import EXACT
from api_gateway.cloudstack.describing import Change, Subject, describe, described
from api_gateway.cloudstack.disks.listing import Listing, asked
from api_gateway.cloudstack.disks.rows import VOLUME, volume_rows
from api_gateway.cloudstack.disks.shown import volume, volume_result
from api_gateway.cloudstack.disks.states import DESTROYED, State, volume_state
from api_gateway.cloudstack.errors import PARAMETER, Refused
from api_gateway.cloudstack.images.following import when_gone
from api_gateway.cloudstack.images.words import check_url, digest_of, format_of
from api_gateway.cloudstack.images.zones import check_stores, image_stores
from api_gateway.cloudstack.jobs import at_once, start, when_ready
from api_gateway.cloudstack.owners import acting
from api_gateway.cloudstack.uploading import one_zone, params
from api_gateway.cloudstack.waiting import heard
from api_gateway.orders import IMAGE_STORE, ref_of
from api_gateway.routes.objects.bodies import NewVolume
from api_gateway.routes.objects.nouns import NOUNS
from api_gateway.routes.objects.registering import Registration

_VOLUMES = next(noun for noun in NOUNS if noun.name == VOLUME)
_NEVER = ("hostid", "podid", "clusterid", "virtualmachineid", "serviceofferingid", "kmskeyid")
"""Things no volume here has or tells."""


async def list_volumes(ask: Ask) -> Answer:
    """List volumes, on image stores and on pools."""
    paging = Paging.of(ask)
    if any(ask.text(name) for name in _NEVER) or ask.pairs("tags") or ask.flag("isencrypted"):
        return Rows([], 0)
    if ask.text("type") not in ("", "DATADISK"):
        return Rows([], 0)
    async with ask.desk.transaction() as tx:
        listing = await asked(VOLUME, _match(ask), ask, tx)
        if ask.text("state").lower() not in ("", "destroy"):
            return await _in_state(listing, ask, tx)
        found = [row["state"] for row in await listing.rows(paging, tx)]
        rows = await volume_rows(found, tx, admin=ask.caller.admin)
        return Rows(rows, await listing.count(tx))


async def _in_state(listing: Listing, ask: Ask, tx: Tx) -> Rows:
    """A state is a word for several things: it is looked for among the newest volumes."""
    newest = [row["state"] for row in await listing.rows(Paging(0, EXACT), tx)]
    told = await described(VOLUME, [state["id"] for state in newest], tx)
    wanted, paging = ask.text("state").lower(), Paging.of(ask)
    found = [
        state
        for state in newest
        if volume_state(state, told[state["id"]].attributes).lower() == wanted
    ]
    end = None if paging.limit is None else paging.offset + paging.limit
    shown = found[paging.offset : end]
    return Rows(await volume_rows(shown, tx, admin=ask.caller.admin), len(found))


def _match(ask: Ask) -> dict[str, Any]:
    pool = ask.text("storageid")
    return {"replicas": [{"store_id": pool}]} if pool else {}


async def upload_volume(ask: Ask) -> Answer:
    """Fetch a volume from a URL onto an image store; the job ends when it is verified there."""
    check_url(ask.text("url"), format_of(ask.text("format")), ask.deps.settings.fetch_allow)
    async with ask.desk.transaction() as tx:
        made = await _registered(ask, tx)
        return await start(ask, tx, VOLUME, made["id"])


async def upload_params(ask: Ask) -> Answer:
    """Register a volume that the caller uploads, and tell where to; abandoned it vanishes."""
    zone_id = one_zone(ask)
    async with ask.desk.transaction() as tx:
        check_stores([zone_id], await image_stores(tx))
        state = await _registered(ask, tx)
    return One(await params(ask, state, DeleteVolume(volume_id=state["id"])))


async def _registered(ask: Ask, tx: Tx) -> dict[str, Any]:
    """State of a new volume, from a URL or to be uploaded; raises Refused, StowageError."""
    await ask.entity("zoneid", "zone", tx)
    url, store, checksum = ask.text("url"), ask.text("imagestoreuuid"), ask.text("checksum")
    body = NewVolume(
        name=ask.text("name"),
        url=SecretStr(url) if url else None,
        upload=not url,
        format=format_of(ask.text("format")),
        zone_id=ask.text("zoneid"),
        checksum=digest_of(checksum) if checksum else None,
        store_ids=(store,) if store else (),
    )
    made = await Registration(_VOLUMES, body, await acting(ask, tx)).make(tx, ask.deps)
    told = {"diskofferingid": ask.text("diskofferingid") or None}
    subject = Subject(VOLUME, made.id, made.account_id)
    await describe(subject, Change(extractable=True, attributes=told), tx)
    state: dict[str, Any] = made.model_dump(mode="json", exclude={"copy_id"})
    return state


async def update_volume(ask: Ask) -> Answer:
    """Rename a volume, protect it from being deleted."""
    async with ask.desk.transaction() as tx:
        state = await ask.entity("id", VOLUME, tx)
        names = ("displayvolume", "deleteprotection", "chaininfo", "path")
        told = {name: ask.values[name] for name in names if name in ask.values}
        await describe(Subject.of(VOLUME, state), Change(attributes=told), tx)
        if ask.text("name"):
            order = ChangeObject(object=ref_of(state), name=ask.text("name"))
            await tx.say(order, to=IMAGE_STORE)
        return await start(ask, tx, VOLUME, state["id"])


async def delete_volume(ask: Ask) -> Answer:
    """Delete a volume and its bytes; answers once its owner has hidden it."""
    async with ask.desk.transaction() as tx:
        state = await _deletable(ask, tx)
        await tx.say(DeleteVolume(volume_id=state["id"]), to=IMAGE_STORE)
    await heard(ask, VOLUME, state["id"], lambda row: _is_gone(row, state.get("error")))
    return Success()


def _is_gone(row: Record, before: Any) -> bool:
    if row["removed"] or row["state"].get("removed"):
        return True
    error = row["state"].get("error")
    if error and error != before:
        raise Problem.model_validate(error).error()
    return False


async def destroy_volume(ask: Ask) -> Answer:
    """Put a volume away until it is expunged; with ``expunge`` delete it and its bytes now."""
    async with ask.desk.transaction() as tx:
        state = await _deletable(ask, tx)
        if ask.flag("expunge"):
            await tx.say(DeleteVolume(volume_id=state["id"]), to=IMAGE_STORE)
            facts = {"error": state.get("error"), "left": ""}
            return await start(ask, tx, VOLUME, state["id"], **facts, expunge=True)
        await _mark(state, tx.now.isoformat(), tx)
        return await start(ask, tx, VOLUME, state["id"], expunge=False)


async def _destroyed(job: Any, tx: Tx) -> Any:
    return await (when_gone if job.facts["expunge"] else at_once)(job, tx)


async def recover_volume(ask: Ask) -> Answer:
    """Take a destroyed volume back."""
    async with ask.desk.transaction() as tx:
        state = await ask.entity("id", VOLUME, tx)
        attributes = (await described(VOLUME, [state["id"]], tx))[state["id"]].attributes
        if not attributes.get(DESTROYED):
            word = volume_state(state, attributes)
            raise Refused(PARAMETER, f"the volume is {word}, and only a destroyed one is recovered")
        await _mark(state, None, tx)
        return One(await volume(state, ask, tx))


async def _mark(state: State, since: str | None, tx: Tx) -> None:
    await describe(Subject.of(VOLUME, state), Change(attributes={DESTROYED: since}), tx)


async def _deletable(ask: Ask, tx: Tx) -> dict[str, Any]:
    state = await ask.entity("id", VOLUME, tx)
    attributes = (await described(VOLUME, [state["id"]], tx))[state["id"]].attributes
    if attributes.get("deleteprotection"):
        raise Refused(
            PARAMETER,
            f"volume {state['id']} is protected from being deleted",
            resource=f"volume/{state['id']}",
            hint="updateVolume with deleteprotection=false",
        )
    return state


COMMANDS = (
    Command(
        "listVolumes",
        list_volumes,
        missing="volumes of instances (there are none here); state is looked for among the "
        "newest 10,000",
    ),
    Command("uploadVolume", upload_volume, follow=when_ready, result=volume_result),
    Command("getUploadParamsForVolume", upload_params, missing="projectid"),
    Command(
        "updateVolume",
        update_volume,
        result=volume_result,
        missing="storageid, state and customid: they are what is found to be",
    ),
    Command("deleteVolume", delete_volume),
    Command("destroyVolume", destroy_volume, follow=_destroyed, result=volume_result),
    Command("recoverVolume", recover_volume),
)
