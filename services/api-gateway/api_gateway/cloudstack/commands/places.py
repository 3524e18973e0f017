"""Zones, as CloudStack's clients ask for them."""

from typing import Any

from api_gateway.cloudstack.answers import Answer, Row, Rows
from api_gateway.cloudstack.asks import Ask, Paging
from api_gateway.cloudstack.command import Command


async def list_zones(ask: Ask) -> Answer:
    """List zones."""
    async with ask.desk.transaction() as tx:
        rows = await tx.rows("places", "zone")
    found = [row["state"] for row in rows if _wanted(row["state"], ask)]
    paging = Paging.of(ask)
    end = None if paging.limit is None else paging.offset + paging.limit
    return Rows([_zone(zone) for zone in found[paging.offset : end]], len(found))


def _wanted(zone: dict[str, Any], ask: Ask) -> bool:
    ids = (*ask.items("ids"), *filter(None, [ask.text("id")]))
    keyword = ask.text("keyword").lower()
    named = ask.text("name") in ("", zone["name"]) and keyword in zone["name"].lower()
    return named and (not ids or zone["id"] in ids)


def _zone(zone: dict[str, Any]) -> Row:
    return {
        "id": zone["id"],
        "name": zone["name"],
        "networktype": "Advanced",
        "allocationstate": "Enabled",
        "securitygroupsenabled": False,
        "localstorageenabled": True,
        "dhcpprovider": "",
        "type": "Core",
    }


COMMANDS = (Command("listZones", list_zones, missing="filters by network type and tags"),)
