"""VolumeResponse and SnapshotResponse of the states of objects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stowage_contracts.values import ScopeType, StoreRole
from stowage_runtime.handling.tx import Tx

from api_gateway.cloudstack.answers import Row
from api_gateway.cloudstack.disks.states import (
    DESTROYED,
    State,
    on_role,
    snapshot_state,
    volume_state,
)
from api_gateway.cloudstack.images.around import Around, Entry
from api_gateway.cloudstack.images.rows import percent

VOLUME, SNAPSHOT = "volume", "snapshot"
ATTRIBUTES = ("diskofferingid", "diskofferingname", "chaininfo", "path", "deleteprotection")
"""What was said of a volume beside its bytes, and is told as it was said."""


@dataclass(frozen=True)
class Named:
    """Names of what rows refer to, by noun and id."""

    names: Mapping[tuple[str, str], str]

    def of(self, noun: str, key: str | None) -> str | None:
        """None of what is not known."""
        return self.names.get((noun, key or ""))


async def volume_rows(states: Sequence[State], tx: Tx, *, admin: bool) -> list[Row]:
    """Of a page."""
    around = await Around.of(states, tx, VOLUME)
    named = await _names("template", [state["template_id"] for state in states], tx)
    return [_volume(state, around, named, admin=admin) for state in states]


async def snapshot_rows(entries: Sequence[Entry], tx: Tx, *, admin: bool) -> list[Row]:
    """Of a page; a row for each zone."""
    states = [entry.state for entry in entries]
    around = await Around.of(states, tx, SNAPSHOT)
    volumes = await _names(VOLUME, [state["volume_id"] for state in states], tx)
    parents = await _names(SNAPSHOT, [state["parent_id"] for state in states], tx)
    named = Named({**volumes.names, **parents.names})
    return [_snapshot(entry, around, named, admin=admin) for entry in entries]


async def _names(noun: str, ids: Sequence[str | None], tx: Tx) -> Named:
    wanted = sorted({key for key in ids if key})
    rows = await tx.rows("states_of", noun, wanted) if wanted else []
    return Named({(noun, row["id"]): row["state"]["name"] for row in rows})


def _volume(state: State, around: Around, named: Named, *, admin: bool) -> Row:
    told = around.descriptions[state["id"]]
    attributes = told.attributes
    word = volume_state(state, attributes)
    return {
        **{name: attributes.get(name) for name in ATTRIBUTES},
        **_common(state, around),
        **_placed(state, around, admin=admin),
        "type": "DATADISK",
        "state": word,
        "status": _status(state, word, around),
        "size": state["virtual_size"] or state["size"] or 0,
        "virtualsize": state["virtual_size"],
        "physicalsize": state["size"],
        "templateid": state["template_id"],
        "templatename": named.of("template", state["template_id"]),
        "destroyed": bool(attributes.get(DESTROYED)),
        "displayvolume": attributes.get("displayvolume", True),
        "deleteprotection": bool(attributes.get("deleteprotection")),
        "isextractable": told.extractable,
        "quiescevm": False,
        "supportsstoragesnapshot": False,
        "provisioningtype": "thin",
    }


def _snapshot(entry: Entry, around: Around, named: Named, *, admin: bool) -> Row:
    state = entry.state
    zone = around.zones.get(entry.zone_id or "")
    kept = on_role(state, StoreRole.IMAGE)
    store = around.stores.get(kept["store_id"]) if kept and admin else None
    return {
        **_common(state, around),
        "zoneid": entry.zone_id,
        "zonename": zone["name"] if zone else entry.zone_id,
        "snapshottype": "MANUAL",
        "intervaltype": "MANUAL",
        "locationtype": "SECONDARY",
        "state": snapshot_state(state),
        "status": (state["error"] or {}).get("cause"),
        "volumeid": state["volume_id"],
        "volumename": named.of(VOLUME, state["volume_id"]),
        "volumetype": "DATADISK" if state["volume_id"] else None,
        "physicalsize": state["size"] or 0,
        "virtualsize": state["virtual_size"] or state["size"] or 0,
        "revertable": False,
        "parent": state["parent_id"],
        "parentname": named.of(SNAPSHOT, state["parent_id"]),
        "datastoreid": store["id"] if store else None,
        "datastorename": store["name"] if store else None,
        "datastoretype": "Image" if store else None,
        "datastorestate": kept["state"] if store and kept else None,
    }


def _common(state: State, around: Around) -> dict[str, Any]:
    job = around.jobs.get(state["id"])
    return {
        "id": state["id"],
        "name": state["name"],
        "created": state["created"],
        **around.owners[state["account_id"]].row,
        "tags": [],
        "jobid": job,
        "jobstatus": None if job is None else 0,
    }


def _placed(state: State, around: Around, *, admin: bool) -> dict[str, Any]:
    """Its zone, and the pool or store it is on (which only admins are told)."""
    pool, image = on_role(state, StoreRole.PRIMARY), on_role(state, StoreRole.IMAGE)
    store = around.stores.get((pool or image or {}).get("store_id", ""))
    zone_id = state["scope"].get("zone_id") or (store or {}).get("scope", {}).get("zone_id")
    zone = around.zones.get(zone_id or "")
    local = store is not None and store["scope"]["type"] == ScopeType.HOST
    return {
        "zoneid": zone_id,
        "zonename": zone["name"] if zone else zone_id,
        "storagetype": ("local" if local else "shared") if pool else "secondary",
        "storageid": store["id"] if store and pool and admin else None,
        "storage": store["name"] if store and pool and admin else None,
    }


def _status(state: State, word: str, around: Around) -> str | None:
    if word == "Uploaded":
        return "Upload Complete"
    if word == "UploadError":
        return str(state["error"]["cause"])
    if word == "Uploading":
        most = max((percent(replica, around) for replica in state["replicas"]), default=0)
        return f"{most}% Uploaded"
    return None
