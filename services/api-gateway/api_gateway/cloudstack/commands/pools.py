"""listStoragePools: primary pools as the agents of their hosts report them."""

from typing import Any

from stowage_contracts.values import StoreRole

from api_gateway.cloudstack.answers import Answer, Row, Rows
from api_gateway.cloudstack.asks import Ask, Paging
from api_gateway.cloudstack.command import Command

_STATES = {"Up": "Up", "Maintenance": "Maintenance", "Disabled": "Disabled", "Adding": "Initial"}


async def list_storage_pools(ask: Ask) -> Answer:
    """List primary pools."""
    paging = Paging.of(ask)
    async with ask.desk.transaction() as tx:
        rows = await tx.rows("stores_of_role", StoreRole.PRIMARY.value)
        zones = {row["id"]: row["state"]["name"] for row in await tx.rows("places", "zone")}
    found = [_pool(row["state"], row["created"], zones) for row in rows]
    found = [row for row in found if _wanted(row, ask)]
    end = None if paging.limit is None else paging.offset + paging.limit
    return Rows(found[paging.offset : end], len(found))


def _wanted(row: Row, ask: Ask) -> bool:
    given = {"id": "id", "name": "name", "zoneid": "zoneid", "podid": "podid"}
    same = all(ask.text(name) in ("", row[field]) for name, field in given.items())
    scope = ask.text("scope").upper() in ("", row["scope"])
    state = ask.text("status").lower() in ("", str(row["state"]).lower())
    here = ask.text("clusterid") in ("", row["clusterid"])
    return same and scope and state and here and ask.text("keyword") in row["name"]


def _pool(state: dict[str, Any], created: Any, zones: dict[str, str]) -> Row:
    scope = state["scope"]
    total, used = state["total_bytes"], state["used_bytes"]
    return {
        "id": state["id"],
        "name": state["name"],
        "zoneid": scope.get("zone_id"),
        "zonename": zones.get(scope.get("zone_id") or ""),
        "podid": scope["id"] if scope["type"] == "pod" else None,
        "clusterid": scope["id"] if scope["type"] == "cluster" else None,
        "scope": scope["type"].upper(),
        "state": _STATES.get(state["state"], "Up" if state["state"] == "ReadOnly" else "Disabled"),
        "type": "Filesystem",
        "provider": "DefaultPrimary",
        "path": state["settings"].get("root"),
        "created": created,
        "capacitybytes": total,
        "disksizetotal": total,
        "disksizeused": used,
        "disksizeallocated": None if used is None else used + state["reserved_bytes"],
        "tags": ",".join(state["tags"]),
        "managed": False,
    }


COMMANDS = (
    Command(
        "listStoragePools",
        list_storage_pools,
        missing="filters by address, path and host; pools of types other than folders",
    ),
)
