"""Data stores as CloudStack's clients read them."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from stowage_contracts.values import StoreRole, StoreState
from stowage_runtime.handling.tx import Tx

from api_gateway.cloudstack.answers import Row

State = Mapping[str, Any]
STATES = {
    StoreState.ADDING: "Adding",
    StoreState.UP: "Enabled",
    StoreState.DEGRADED: "Degraded",
    StoreState.READ_ONLY: "ReadOnly",
    StoreState.DRAINING: "Draining",
    StoreState.DISABLED: "Disabled",
}
"""CloudStack has no such field; enableImageStore and disableImageStore need one to be seen by."""
_NO_WRITES = (StoreState.READ_ONLY, StoreState.DRAINING)


async def stores_of(role: StoreRole, tx: Tx) -> list[dict[str, Any]]:
    """States of a role's stores that passed their probe, oldest first; they are few."""
    return [row["state"] for row in await tx.rows("stores_of_role", role)]


async def shown(states: Iterable[State], tx: Tx) -> list[Row]:
    """ImageStoreResponse of each."""
    zones = {row["id"]: row["state"]["name"] for row in await tx.rows("places", "zone")}
    return [_shown(state, zones) for state in states]


async def one(state: State, tx: Tx) -> Row:
    """ImageStoreResponse."""
    (row,) = await shown([state], tx)
    return row


def _shown(state: State, zones: Mapping[str, str]) -> Row:
    zone_id = state["scope"]["zone_id"]
    return {
        "id": state["id"],
        "zoneid": zone_id,
        "zonename": zones.get(zone_id),
        "name": state["name"],
        "url": url_of(state),
        "protocol": protocol_of(state),
        "providername": state["provider"],
        "scope": state["scope"]["type"].upper(),
        "readonly": is_read_only(state),
        "disksizetotal": state["total_bytes"],
        "disksizeused": state["used_bytes"],
        "hasannotations": False,
        "state": STATES.get(state["state"], state["state"]),
    }


def is_read_only(state: State) -> bool:
    """Whether nothing new is placed there, while what is there is read."""
    return state["state"] in _NO_WRITES


def url_of(state: State) -> str | None:
    """Without options and secrets; None where CloudStack has none."""
    settings = state["settings"]
    if settings.get("root"):
        return f"file://{settings['root']}"
    told = settings.get("url") or settings.get("auth_url")
    if not told:
        return None
    parts = urlsplit(told)
    host = parts.netloc.rpartition("@")[2]
    return str(parts._replace(netloc=host, query="", fragment="").geturl())


def protocol_of(state: State) -> str | None:
    """nfs, http, https, file."""
    settings = state["settings"]
    return urlsplit(url_of(state) or settings.get("endpoint") or "").scheme or None


def serves(state: State, zone_id: str) -> bool:
    """Whether a store reaches a zone: region-wide ones reach all."""
    scope = state["scope"]
    return bool(scope["type"] == "region" or scope["zone_id"] == zone_id)
