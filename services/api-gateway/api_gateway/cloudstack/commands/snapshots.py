"""Snapshots on image stores: listed, spread, downloaded, deleted."""

from collections.abc import Sequence
from typing import Any

from stowage_contracts.messages.image_store import CopyToZone, DeleteSnapshot
from stowage_contracts.values import ScopeType
from stowage_runtime.handling.tx import Tx

from api_gateway.cloudstack.answers import Answer, Rows
from api_gateway.cloudstack.asks import Ask, Paging
from api_gateway.cloudstack.command import Command
from api_gateway.cloudstack.disks.listing import asked
from api_gateway.cloudstack.disks.rows import SNAPSHOT, snapshot_rows
from api_gateway.cloudstack.disks.shown import link_result, snapshot_result
from api_gateway.cloudstack.disks.states import State
from api_gateway.cloudstack.errors import NOT_THERE, PARAMETER, Refused
from api_gateway.cloudstack.images.around import Entry
from api_gateway.cloudstack.images.following import when_gone, when_there
from api_gateway.cloudstack.images.zones import check_stores, image_stores
from api_gateway.cloudstack.jobs import start
from api_gateway.cloudstack.linking import new_link
from api_gateway.orders import IMAGE_STORE, ref_of


async def list_snapshots(ask: Ask) -> Answer:
    """List snapshots; a row for each zone one is in, or one with ``showunique``."""
    paging = Paging.of(ask)
    kinds = (ask.text("intervaltype"), ask.text("snapshottype"))
    elsewhere = ask.text("locationtype").upper() == "PRIMARY" or ask.text("storageid")
    if elsewhere or ask.pairs("tags") or any(k.upper() not in ("", "MANUAL") for k in kinds):
        return Rows([], 0)
    async with ask.desk.transaction() as tx:
        listing = await asked(SNAPSHOT, _match(ask), ask, tx)
        found = [row["state"] for row in await listing.rows(paging, tx)]
        entries = [entry for state in found for entry in _entries(state, ask)]
        rows = await snapshot_rows(entries, tx, admin=ask.caller.admin)
        return Rows(rows, await listing.count(tx) + len(rows) - len(found))


def _match(ask: Ask) -> dict[str, Any]:
    match: dict[str, Any] = {}
    if ask.text("volumeid"):
        match["volume_id"] = ask.text("volumeid")
    if ask.text("imagestoreid"):
        match["replicas"] = [{"store_id": ask.text("imagestoreid")}]
    return match


def _entries(state: State, ask: Ask) -> list[Entry]:
    zones = [zone["zone_id"] for zone in state["zones"]] or [state["scope"].get("zone_id")]
    wanted = [zone for zone in zones if ask.text("zoneid") in ("", zone)] or zones[:1]
    return [Entry(state, zone) for zone in (wanted[:1] if ask.flag("showunique") else wanted)]


async def delete_snapshot(ask: Ask) -> Answer:
    """Delete a snapshot; its bytes stay for as long as others are made of them."""
    async with ask.desk.transaction() as tx:
        state = await ask.entity("id", SNAPSHOT, tx)
        await tx.say(DeleteSnapshot(snapshot_id=state["id"]), to=IMAGE_STORE)
        facts = {"error": state.get("error"), "left": ""}
        return await start(ask, tx, SNAPSHOT, state["id"], **facts)


async def copy_snapshot(ask: Ask) -> Answer:
    """Have a snapshot in other zones too."""
    async with ask.desk.transaction() as tx:
        state = await _backed_up(ask, tx)
        lacking = await _lacking(state, ask, tx)
        check_stores(lacking, await image_stores(tx), NOT_THERE)
        for zone_id in lacking:
            await tx.say(CopyToZone(object=ref_of(state), zone_id=zone_id), to=IMAGE_STORE)
        facts = {"zones": lacking, "error": state.get("error")}
        return await start(ask, tx, SNAPSHOT, state["id"], **facts)


async def _lacking(state: State, ask: Ask, tx: Tx) -> Sequence[str]:
    zones = [*ask.items("destzoneids"), *filter(None, [ask.text("destzoneid")])]
    if not zones:
        raise Refused(PARAMETER, "Either destzoneid or destzoneids has to be specified.")
    if ask.text("sourcezoneid") in zones:
        raise Refused(PARAMETER, "Please specify different source and destination zones.")
    for zone_id in zones:
        await ask.known("zone", zone_id, "destzoneid", tx)
    if state["scope"]["type"] == ScopeType.REGION:
        return []
    ready = {zone["zone_id"] for zone in state["zones"] if zone["ready"]}
    return [zone for zone in dict.fromkeys(zones) if zone not in ready]


async def extract_snapshot(ask: Ask) -> Answer:
    """Make a link to download a snapshot."""
    async with ask.desk.transaction() as tx:
        state = await _backed_up(ask, tx)
        await ask.entity("zoneid", "zone", tx)
    link = await new_link(state, ask)
    async with ask.desk.transaction() as tx:
        facts = {"link_id": link.id, "zone_id": ask.text("zoneid")}
        return await start(ask, tx, SNAPSHOT, state["id"], **facts)


async def archive_snapshot(ask: Ask) -> Answer:
    """A snapshot here is on an image store from the beginning."""
    async with ask.desk.transaction() as tx:
        state = await _backed_up(ask, tx)
        return await start(ask, tx, SNAPSHOT, state["id"])


async def _backed_up(ask: Ask, tx: Tx) -> dict[str, Any]:
    state = await ask.entity("id", SNAPSHOT, tx)
    if not state["ready"]:
        raise Refused(
            PARAMETER, f"snapshot {state['id']} is not BackedUp", resource=f"snapshot/{state['id']}"
        )
    return state


COMMANDS = (
    Command("listSnapshots", list_snapshots, missing="snapshots on pools: there are none"),
    Command(
        "deleteSnapshot",
        delete_snapshot,
        follow=when_gone,
        missing="zoneid: it goes from everywhere",
    ),
    Command(
        "copySnapshot",
        copy_snapshot,
        follow=when_there,
        result=snapshot_result,
        missing="storageids and usestoragereplication",
    ),
    Command("extractSnapshot", extract_snapshot, result=link_result),
    Command("archiveSnapshot", archive_snapshot, result=snapshot_result),
)
