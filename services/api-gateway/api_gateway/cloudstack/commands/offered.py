"""Kinds of guests and offerings: what other commands name by id."""

from api_gateway.cloudstack.answers import Answer, Row, Rows
from api_gateway.cloudstack.asks import Ask
from api_gateway.cloudstack.command import Command
from api_gateway.cloudstack.commands.places import paged
from api_gateway.cloudstack.offered import CUSTOM_DISK, OS_CATEGORIES, OS_TYPES, SINCE


async def list_os_types(ask: Ask) -> Answer:
    """List kinds of guests."""
    ids = (*ask.items("ids"), *filter(None, [ask.text("id")]))
    keyword, told = ask.text("keyword").lower(), ask.text("description")
    rows: list[Row] = [
        {
            "id": key,
            "name": name,
            "description": name,
            "osdisplayname": name,
            "oscategoryid": category,
            "oscategoryname": OS_CATEGORIES[category],
            "isuserdefined": False,
            "fordisplay": True,
        }
        for key, (name, category) in OS_TYPES.items()
        if (not ids or key in ids)
        and ask.text("oscategoryid") in ("", category)
        and told in ("", name)
        and keyword in name.lower()
        and ask.flag("fordisplay") is not False
    ]
    return paged(rows, ask)


async def list_os_categories(ask: Ask) -> Answer:
    """List families of guests."""
    rows: list[Row] = [
        {"id": key, "name": name, "isfeatured": False, "created": SINCE}
        for key, name in OS_CATEGORIES.items()
        if ask.text("id") in ("", key)
        and ask.text("name") in ("", name)
        and ask.text("keyword").lower() in name.lower()
        and not ask.flag("isfeatured")
    ]
    return paged(rows, ask)


_DISK: Row = {
    "id": CUSTOM_DISK,
    "name": "Custom",
    "displaytext": "A disk of any size",
    "disksize": 0,
    "created": SINCE,
    "iscustomized": True,
    "iscustomizediops": False,
    "storagetype": "shared",
    "provisioningtype": "thin",
    "displayoffering": True,
    "disksizestrictness": False,
    "encrypt": False,
    "state": "Active",
}


async def list_disk_offerings(ask: Ask) -> Answer:
    """List disk offerings: there is one, for disks of any size."""
    found = (
        ask.text("id") in ("", CUSTOM_DISK)
        and ask.text("name") in ("", _DISK["name"])
        and ask.text("keyword").lower() in _DISK["name"].lower()
        and not ask.flag("encrypt")
        and ask.text("storagetype").lower() in ("", "shared")
        and ask.text("state").lower() in ("", "active", "all")
    )
    return paged([_DISK] if found else [], ask)


async def list_service_offerings(ask: Ask) -> Answer:
    """List service offerings: Stowage runs no instances and has none."""
    return Rows([], 0)


COMMANDS = (
    Command("listOsTypes", list_os_types, missing="guests of one's own"),
    Command("listOsCategories", list_os_categories),
    Command("listDiskOfferings", list_disk_offerings, missing="offerings of one's own"),
    Command("listServiceOfferings", list_service_offerings, missing="there are none here"),
)
