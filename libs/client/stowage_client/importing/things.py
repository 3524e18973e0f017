"""Templates, volumes and snapshots of a CloudStack, a page at a time, with their copies."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from stowage_client.importing.copies import Copies
from stowage_client.importing.database import Database, Row
from stowage_client.importing.reading import truth
from stowage_client.importing.records import Thing, World, identity

PAGE = 500
"""Objects read at a time: memory does not grow with the cloud."""
_TEMPLATE = (
    "id uuid name unique_name account_id created state format hypervisor_type cross_zones checksum "
    "url public featured extractable direct_download type hvm bits display_text enable_password "
    "enable_sshkey bootable sort_key template_tag arch deploy_as_is dynamically_scalable "
    "guest_os_id source_template_id"
)
_VOLUME = "id uuid name account_id created state format data_center_id template_id hypervisor_type"
_SNAPSHOT = (
    "id uuid name account_id created status hypervisor_type data_center_id volume_id "
    "type_description backup_snap_id prev_snap_id sechost_id s3_id swift_id"
)


class Things:
    """All objects that are not removed, in the order of their numbers."""

    def __init__(self, database: Database, world: World, copies: Copies) -> None:
        self._database, self._world, self._copies = database, world, copies

    def templates(self) -> Iterator[list[Thing]]:
        """Templates and ISOs."""
        systems = _systems(self._database)
        for rows in self._pages("vm_template", _TEMPLATE):
            numbers = [row["id"] for row in rows]
            zones, shares = self._zones(numbers), self._shares(numbers)
            beside = self._beside(rows, systems)
            found = [_template(row, zones, shares, beside[row["id"]]) for row in rows]
            yield self._with_copies(found, self._copies.of_templates(rows))

    def volumes(self) -> Iterator[list[Thing]]:
        """Those that are, or were, on image stores; the others are their pools' business."""
        table = self._copies.volume_table
        where = f"EXISTS (SELECT 1 FROM {table} r WHERE r.volume_id = o.id)"  # noqa: S608 - a name of ours
        for rows in self._pages("volumes", _VOLUME, where) if table else ():
            made_of = _some(self._database, "vm_template", rows, "template_id")
            found = [_volume(row, made_of) for row in rows]
            yield self._with_copies(found, self._copies.of_volumes(rows))

    def snapshots(self) -> Iterator[list[Thing]]:
        """All of them."""
        for rows in self._pages("snapshots", _SNAPSHOT):
            volumes = self._volumes_of(rows)
            parents, copies = self._copies.of_snapshots(rows)
            of = _some(self._database, "snapshots", [{"p": p} for p in parents.values()], "p")
            found = [_snapshot(row, volumes, of.get(parents.get(row["id"], 0))) for row in rows]
            yield self._with_copies(found, copies)

    def _pages(self, table: str, names: str, where: str = "TRUE") -> Iterator[list[Row]]:
        told = self._database.columns(table, names.split(), "o")
        query = (
            f"SELECT {told} FROM {table} o WHERE o.removed IS NULL AND o.id > %s AND {where}"  # noqa: S608 - names of ours
            f" ORDER BY o.id LIMIT {PAGE}"
        )
        after = 0
        while rows := self._database.rows(query, after):
            yield rows
            after = rows[-1]["id"]

    def _with_copies(self, found: list[Thing], copies: Mapping[int, Any]) -> list[Thing]:
        return [replace(one, copies=tuple(copies.get(one.number, ()))) for one in found]

    def _zones(self, numbers: list[int]) -> dict[int, list[int]]:
        query = (
            "SELECT template_id, zone_id FROM template_zone_ref"
            " WHERE removed IS NULL AND template_id IN"
        )
        return _grouped(self._database.those(query, numbers), "template_id", "zone_id")

    def _shares(self, numbers: list[int]) -> dict[int, list[str]]:
        if "launch_permission" not in self._database.tables:
            return {}
        query = "SELECT template_id, account_id FROM launch_permission WHERE template_id IN"
        accounts = self._world.accounts
        rows = self._database.those(query, numbers)
        known = [row for row in rows if row["account_id"] in accounts]
        named = [{**row, "id": accounts[row["account_id"]].id} for row in known]
        return _grouped(named, "template_id", "id")

    def _beside(
        self, rows: list[Row], systems: Mapping[int, Mapping[str, Any]]
    ) -> dict[int, dict[str, Any]]:
        """What other tables tell of templates, by the names of CloudStack's answers."""
        made_of = _some(self._database, "vm_template", rows, "source_template_id")
        details: dict[int, dict[str, str]] = {}
        if "vm_template_details" in self._database.tables:
            query = "SELECT template_id, name, value FROM vm_template_details WHERE template_id IN"
            for row in self._database.those(query, [row["id"] for row in rows]):
                details.setdefault(row["template_id"], {})[row["name"]] = row["value"]
        return {
            row["id"]: {
                **systems.get(row["guest_os_id"], {}),
                "sourcetemplateid": made_of.get(row["source_template_id"]),
                "details": details.get(row["id"]),
            }
            for row in rows
        }

    def _volumes_of(self, rows: list[Row]) -> dict[int, Row]:
        told = self._database.columns("volumes", ("id", "uuid", "format"))
        query = f"SELECT {told} FROM volumes WHERE id IN"  # noqa: S608 - names of ours
        found = self._database.those(query, [row["volume_id"] for row in rows if row["volume_id"]])
        return {row["id"]: row for row in found}


def _told(row: Row) -> dict[str, Any]:
    """What CloudStack tells of a template beside its bytes."""
    return {
        "displaytext": row["display_text"],
        "templatetype": row["type"],
        "bits": row["bits"],
        "templatetag": row["template_tag"],
        "sortkey": row["sort_key"],
        "arch": row["arch"],
        "requireshvm": truth(row["hvm"]),
        "passwordenabled": truth(row["enable_password"]),
        "sshkeyenabled": truth(row["enable_sshkey"]),
        "bootable": truth(row["bootable"]),
        "deployasis": truth(row["deploy_as_is"]),
        "isdynamicallyscalable": truth(row["dynamically_scalable"]),
    }


def _template(
    row: Row,
    zones: Mapping[int, list[int]],
    shares: Mapping[int, list[str]],
    beside: Mapping[str, Any],
) -> Thing:
    told = {**beside, **_told(row)}
    return Thing(
        noun="template",
        number=row["id"],
        id=identity("template", row),
        name=row["name"] or row["unique_name"] or identity("template", row),
        account=row["account_id"],
        created=row["created"],
        state=row["state"] or "Active",
        format=row["format"] or "",
        hypervisor=row["hypervisor_type"] or "",
        zones=tuple(zones.get(row["id"], ())),
        everywhere=truth(row["cross_zones"]),
        checksum=row["checksum"] or "",
        url=row["url"] or "",
        public=truth(row["public"]),
        featured=truth(row["featured"]),
        extractable=truth(row["extractable"]),
        direct=truth(row["direct_download"]),
        shared_with=tuple(shares.get(row["id"], ())),
        attributes=told,
    )


def _volume(row: Row, templates: Mapping[int, str]) -> Thing:
    return Thing(
        noun="volume",
        number=row["id"],
        id=identity("volume", row),
        name=row["name"] or identity("volume", row),
        account=row["account_id"],
        created=row["created"],
        state=row["state"] or "",
        format=row["format"] or "",
        hypervisor=row["hypervisor_type"] or "",
        zones=(row["data_center_id"],) if row["data_center_id"] else (),
        template_id=templates.get(row["template_id"]),
    )


def _snapshot(row: Row, volumes: Mapping[int, Row], parent: str | None) -> Thing:
    volume = volumes.get(row["volume_id"], {})
    return Thing(
        noun="snapshot",
        number=row["id"],
        id=identity("snapshot", row),
        name=row["name"] or identity("snapshot", row),
        account=row["account_id"],
        created=row["created"],
        state=row["status"] or "",
        format=volume.get("format") or "",
        hypervisor=row["hypervisor_type"] or "",
        zones=(row["data_center_id"],) if row["data_center_id"] else (),
        volume_id=identity("volume", volume) if volume else None,
        volume=row["volume_id"],
        parent_id=parent,
        attributes={"snapshottype": row["type_description"]},
    )


def _grouped(rows: Sequence[Row], by: str, what: str) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(row[by], []).append(row[what])
    return found


def _some(database: Database, table: str, rows: Sequence[Row], column: str) -> dict[int, str]:
    query = f"SELECT id, uuid FROM {table} WHERE id IN"  # noqa: S608 - a name of ours
    wanted = [row[column] for row in rows if row[column]]
    noun = {"vm_template": "template", "snapshots": "snapshot"}[table]
    return {row["id"]: identity(noun, row) for row in database.those(query, wanted)}


def _systems(database: Database) -> dict[int, dict[str, Any]]:
    """Kinds of guests: what a template says it is."""
    if "guest_os" not in database.tables:
        return {}
    told = database.columns("guest_os", ("id", "uuid", "display_name"))
    rows = database.rows(f"SELECT {told} FROM guest_os")  # noqa: S608 - names of ours
    return {row["id"]: {"ostypeid": row["uuid"], "ostypename": row["display_name"]} for row in rows}
