"""TemplateResponse: one row of a template or ISO in one zone."""

from collections.abc import Mapping, Sequence
from typing import Any

from stowage_contracts.values import ObjectKind, ScopeType, StoreRole

from api_gateway.cloudstack.answers import Row
from api_gateway.cloudstack.images.around import Around, Entry, State
from api_gateway.cloudstack.images.kinds import ISO, TEMPLATE
from api_gateway.cloudstack.images.words import checksum_of
from api_gateway.cloudstack.offered import ANY_OS, OS_TYPES

ATTRIBUTES = (
    "passwordenabled",
    "bootable",
    "templatetag",
    "arch",
    "bits",
    "sshkeyenabled",
    "isdynamicallyscalable",
    "deployasis",
    "forcks",
    "requireshvm",
    "sourcetemplateid",
)
"""What was said of an object beside its bytes, and is told as it was said."""
_STATES = {
    "Ready": "DOWNLOADED",
    "Creating": "DOWNLOAD_IN_PROGRESS",
    "Allocated": "NOT_DOWNLOADED",
    "Failed": "DOWNLOAD_ERROR",
}
"""Of a replica, in CloudStack's words; one that is going is not told."""
_UPLOADED = {
    "Creating": "UPLOAD_IN_PROGRESS",
    "Allocated": "NOT_UPLOADED",
    "Failed": "UPLOAD_ERROR",
}
_DETAIL = ("datastore", "downloadState", "downloadPercent")
FULL = 100


def row_of(entry: Entry, around: Around) -> Row:
    """Every field there is something to say about."""
    state = entry.state
    told = around.descriptions[state["id"]]
    attributes = told.attributes
    details = _details(entry, around)
    return {
        **{name: attributes.get(name) for name in ATTRIBUTES},
        **around.owners[state["account_id"]].row,
        **_named(state, attributes),
        **_sized(state),
        **_guest(attributes),
        **_placed(entry, around),
        "created": state["created"],
        "removed": entry.gone,
        "ispublic": told.public,
        "isfeatured": told.featured,
        "isextractable": told.extractable,
        "isready": entry.ready,
        "status": _status(entry, details),
        "downloaddetails": [{n: d[n] for n in _DETAIL} for d in details] or None,
        "details": attributes.get("details") or {},
        "jobid": around.jobs.get(state["id"]),
        "jobstatus": 0 if state["id"] in around.jobs else None,
        "tags": [],
    }


def _named(state: State, attributes: Mapping[str, Any]) -> dict[str, Any]:
    iso = state["kind"] == ObjectKind.ISO
    return {
        "id": state["id"],
        "name": state["name"],
        "displaytext": attributes.get("displaytext") or state["name"],
        "format": state["format"].upper(),
        "hypervisor": None if iso else state.get("hypervisor"),
        "templatetype": attributes.get("templatetype") or "USER",
        "accountid": state["account_id"],
        "directdownload": bool(attributes.get("directdownload")),
    }


def _guest(attributes: Mapping[str, Any]) -> dict[str, str]:
    """Every object has a kind of guest: clients look for it without asking whether it is there."""
    key = attributes.get("ostypeid") or ANY_OS
    name, _ = OS_TYPES.get(key) or OS_TYPES[ANY_OS]
    return {"ostypeid": key, "ostypename": attributes.get("ostypename") or name}


def _sized(state: State) -> dict[str, Any]:
    size, checksum = state.get("size"), state.get("checksum")
    return {
        "size": state.get("virtual_size") or size,
        "physicalsize": size,
        "checksum": checksum_of(checksum) if checksum else None,
    }


def _placed(entry: Entry, around: Around) -> dict[str, Any]:
    zone = around.zones.get(entry.zone_id or "")
    return {
        "crossZones": entry.state["scope"]["type"] == ScopeType.REGION,
        "zoneid": entry.zone_id,
        "zonename": zone["name"] if zone else entry.zone_id,
    }


def _details(entry: Entry, around: Around) -> list[dict[str, Any]]:
    """The object on each image store in reach of the zone."""
    words = {**_STATES, **_UPLOADED} if entry.state.get("upload") else _STATES
    told = []
    for replica in entry.state.get("replicas", ()):
        store = around.stores.get(replica["store_id"])
        known = replica["role"] == StoreRole.IMAGE and replica["state"] in words
        if store is None or not known or not reaches(store, entry.zone_id):
            continue
        told.append(
            {
                "datastore": store["name"],
                "downloadState": words[replica["state"]],
                "downloadPercent": str(percent(replica, around)),
                "error": (replica.get("error") or {}).get("cause", ""),
            }
        )
    return told


def reaches(store: State, zone_id: str | None) -> bool:
    """Whether what a store holds can be read in the zone."""
    scope = store["scope"]
    return zone_id is None or scope["type"] == ScopeType.REGION or scope.get("zone_id") == zone_id


def percent(replica: State, around: Around) -> int:
    """How much of it is there, in whole percent."""
    if replica["state"] == "Ready":
        return FULL
    copy = around.copies.get(replica["copy_id"] or "")
    transfer = (copy or {}).get("transfer") or {}
    total = transfer.get("bytes_total")
    return min(FULL, transfer.get("bytes_done", 0) * FULL // total) if total else 0


def _status(entry: Entry, details: Sequence[Mapping[str, Any]]) -> str:
    kind = ISO if entry.state["kind"] == ObjectKind.ISO else TEMPLATE
    if entry.ready:
        return kind.done
    running = [d for d in details if d["downloadState"].endswith("_IN_PROGRESS")]
    if not running:
        return _trouble(entry, details) or "Processing"
    most = max(int(d["downloadPercent"]) for d in running)
    word = "Uploaded" if entry.state.get("upload") else "Downloaded"
    return f"Installing {kind.word}" if most >= FULL else f"{most}% {word}"


def _trouble(entry: Entry, details: Sequence[Mapping[str, Any]]) -> str:
    told = [d["error"] for d in details if d["error"]]
    own = entry.state.get("error")
    return str(told[0] if told else own["cause"] if own else "")
