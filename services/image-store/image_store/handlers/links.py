"""Links: one object, one method, a capped life; made when asked for, stored nowhere."""

from datetime import datetime, timedelta

from asyncpg import Record
from pydantic import SecretStr
from stowage_contracts.errors import Conflict, GrantRefused
from stowage_contracts.messages.image_store import LinkMade, MakeLink, RevokeLink
from stowage_contracts.plugins.image_store_driver import ReadAsk
from stowage_contracts.values import ReplicaState, StoreRole, StoreState
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk

from image_store.deps import Deps
from image_store.doors import door_url, speaks_http
from image_store.store import check_owner, driver_of, need, need_object


async def on_make_link(message: MakeLink, desk: Desk, deps: Deps) -> LinkMade:
    """Raises GrantRefused (expired, revoked), NotFound, Conflict (not ready)."""
    async with desk.transaction() as tx:
        ref, store = await _replica(message, tx)
        grant = await _grant(message, ref, tx, deps)
        url = (
            None
            if speaks_http(store)
            else await door_url(tx, (grant, ref, store), deps, message.file_name)
        )
        seconds = _left(grant["expires"], tx.now)
    if url is None:
        url = await _presigned(ref, store, seconds, deps)
    return LinkMade(
        link_id=message.link_id, store_id=store["id"], url=url, expires=grant["expires"]
    )


async def _replica(message: MakeLink, tx: Tx) -> tuple[Record, Record]:
    """A good one, on a store that gives links by itself if there is one."""
    row = await need_object(tx, message.object)
    check_owner(row, message.account_id)
    found = []
    for ref in await tx.rows("replicas_of", row["noun"], row["id"]):
        asked = message.store_id in (None, ref["store_id"])
        if asked and ref["state"] == ReplicaState.READY and ref["role"] == StoreRole.IMAGE:
            store = await need(tx, "store", ref["store_id"])
            if StoreState(store["state"]).readable and not row["removed"]:
                found.append((not speaks_http(store), ref["id"], ref, store))
    if not found:
        raise Conflict(
            "no readable store holds it ready", resource=str(message.object), code="not_ready"
        )
    _, _, ref, store = min(found, key=lambda one: one[:2])
    return ref, store


async def _grant(message: MakeLink, ref: Record, tx: Tx, deps: Deps) -> Record:
    life = min(message.seconds, deps.settings.link_max_seconds)
    await tx.run("make_link", message.link_id, ref["id"], tx.now + timedelta(seconds=life))
    grant = await need(tx, "grant", message.link_id)
    if grant["purpose"] != "link":
        raise GrantRefused("the id is that of another grant", code="taken")
    if grant["state"] != "active":
        raise GrantRefused("the link was revoked", code="revoked")
    if grant["expires"] <= tx.now:
        raise GrantRefused("the link has expired", code="expired")
    if grant["ref_id"] != ref["id"]:
        await tx.run("move_link", grant["id"], ref["id"])
    return grant


def _left(expires: datetime, now: datetime) -> int:
    return max(1, int((expires - now).total_seconds()))


async def _presigned(ref: Record, store: Record, seconds: int, deps: Deps) -> SecretStr:
    driver = await driver_of(store, deps.stores)
    access = await driver.grant(ReadAsk(key=ref["install_path"], seconds=seconds))
    assert access.uri is not None  # every read grant has one
    return access.uri


async def on_revoke_link(message: RevokeLink, tx: Tx, deps: Deps) -> None:
    """Never made again; a door stops serving it when it next asks."""
    await tx.run("revoke_link", message.link_id)
