"""In which zones a new template or ISO is wanted: one, several, or all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from stowage_contracts.values import StoreRole, StoreState
from stowage_runtime.handling.tx import Tx

from api_gateway.cloudstack.asks import Ask
from api_gateway.cloudstack.errors import PARAMETER, Code, Refused
from api_gateway.cloudstack.images.around import State
from api_gateway.cloudstack.images.rows import reaches
from api_gateway.cloudstack.values import ALL_ZONES

_SCOPES = ("perzone", "regionwide")
_TAKES = (StoreState.UP, StoreState.DEGRADED)
"""Stores that take new objects, or will when they are back."""


@dataclass(frozen=True)
class Where:
    """Zones by id; none: everywhere."""

    zones: tuple[str, ...] = ()

    @property
    def everywhere(self) -> bool:
        """Region-wide."""
        return not self.zones

    @property
    def first(self) -> str | None:
        """The zone the bytes come to first."""
        return self.zones[0] if self.zones else None


async def wanted(ask: Ask, tx: Tx) -> Where:
    """Of zoneid, zoneids (-1: all), crosszones and scope; raises Refused (431)."""
    where = _asked(ask)
    for zone_id in where.zones:
        await ask.known("zone", zone_id, "zoneid", tx)
    stores = await image_stores(tx)
    if where.everywhere:
        wide = any(store["scope"]["type"] == "region" for store in stores)
        if not wide and not ask.caller.admin:
            raise Refused(
                PARAMETER,
                "only a root admin may register for all zones: there is no region-wide image store",
            )
        if not stores:
            raise Refused(PARAMETER, "there is no image store", hint="add one first")
    check_stores(where.zones, stores)
    return where


def check_stores(zones: Sequence[str], stores: Sequence[State], code: Code = PARAMETER) -> None:
    """Raises Refused for a zone that no image store serves."""
    for zone_id in zones:
        if not any(reaches(store, zone_id) for store in stores):
            cause = f"Unable to find image store in zone {zone_id}"
            raise Refused(code, cause, resource=f"zone/{zone_id}", hint="add an image store")


async def image_stores(tx: Tx) -> list[State]:
    """States of those that take new objects."""
    rows = await tx.rows("places", "store")
    states = [row["state"] for row in rows]
    return [s for s in states if s["role"] == StoreRole.IMAGE and s["state"] in _TAKES]


def _asked(ask: Ask) -> Where:
    one, several = ask.text("zoneid"), ask.items("zoneids")
    scope = ask.text("scope").lower()
    if scope and scope not in _SCOPES:
        raise Refused(PARAMETER, "scope is perZone or regionWide")
    if one and several:
        raise Refused(PARAMETER, "Both zoneid and zoneids cannot be specified at the same time")
    named = tuple(dict.fromkeys(several or ((one,) if one else ())))
    if ALL_ZONES in named and len(named) > 1:
        raise Refused(PARAMETER, "-1 stands for all zones and goes with no other zone")
    wide = named == (ALL_ZONES,)
    if scope == "perzone" and (wide or not named):
        raise Refused(PARAMETER, "perZone names the zones")
    if wide or scope == "regionwide" or ask.flag("crosszones"):
        return Where()
    if not named:
        raise Refused(PARAMETER, "At least one of zoneid or zoneids must be specified")
    return Where(named)
