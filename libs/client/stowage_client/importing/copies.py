"""Where objects are recorded to lie: one way to read it for each schema."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from stowage_client.importing.database import Database, Row
from stowage_client.importing.reading import truth
from stowage_client.importing.records import Copy

Found = dict[int, list[Copy]]
READY = "Ready"
_DOWNLOADED = ("DOWNLOADED", "UPLOADED")


class Copies(Protocol):
    """Copies of a page of objects."""

    volume_table: str
    """That tells where volumes are; empty where there is none."""

    def of_templates(self, rows: Sequence[Row]) -> Found:
        """By the template's number."""
        ...

    def of_volumes(self, rows: Sequence[Row]) -> Found:
        """By the volume's number."""
        ...

    def of_snapshots(self, rows: Sequence[Row]) -> tuple[Mapping[int, int], Found]:
        """Parents and copies by the snapshot's number."""
        ...


class StoreRefs:
    """The tables of 4.2 and later: ``*_store_ref``."""

    volume_table = "volume_store_ref"
    _told = (
        "store_id",
        "store_role",
        "install_path",
        "state",
        "download_state",
        "destroyed",
        "physical_size",
        "parent_snapshot_id",
        "download_url",
    )

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_templates(self, rows: Sequence[Row]) -> Found:
        """Rows without a store are kept: they say that it is nowhere."""
        return self._found("template", rows)

    def of_volumes(self, rows: Sequence[Row]) -> Found:
        """By the volume's number."""
        return self._found("volume", rows)

    def of_snapshots(self, rows: Sequence[Row]) -> tuple[Mapping[int, int], Found]:
        """Rows of role Primary name a pool, not a store."""
        found = self._rows("snapshot", rows)
        parents = {
            row["object"]: row["parent_snapshot_id"]
            for row in found
            if row["parent_snapshot_id"] and row["store_role"] != "Primary"
        }
        return parents, _by_object(found, _of_store)

    def _found(self, noun: str, rows: Sequence[Row]) -> Found:
        return _by_object(self._rows(noun, rows), _of_store)

    def _rows(self, noun: str, rows: Sequence[Row]) -> list[Row]:
        table = f"{noun}_store_ref"
        told = self._database.columns(table, self._told)
        query = f"SELECT {noun}_id AS object, {told} FROM {table} WHERE {noun}_id IN"  # noqa: S608 - names of ours
        return self._database.those(query, [row["id"] for row in rows])


def _of_store(row: Row) -> Copy:
    return Copy(
        store=f"image_store/{row['store_id']}" if row["store_id"] else "",
        path=row["install_path"] or "",
        state=row["state"] or "",
        download=row["download_state"] or "",
        destroyed=truth(row["destroyed"]),
        size=row["physical_size"] or None,
        extracted=bool(row["download_url"]),
        primary=row["store_role"] == "Primary",
    )


class HostRefs:
    """The tables before 4.2: ``*_host_ref``, ``template_s3_ref``, ``template_swift_ref``, and
    columns of snapshots."""

    _told = ("host_id", "install_path", "download_state", "destroyed", "physical_size", "format")

    def __init__(self, database: Database) -> None:
        self._database = database
        self.volume_table = "volume_host_ref" if "volume_host_ref" in database.tables else ""

    def of_templates(self, rows: Sequence[Row]) -> Found:
        """On hosts, S3 and Swift alike."""
        found = _by_object(self._rows("template", rows), _of_host)
        for row in rows:
            found.setdefault(row["id"], []).extend(())
        accounts = {row["id"]: row["account_id"] for row in rows}
        for row in self._objects("s3", rows):
            path = f"template/tmpl/{accounts[row['object']]}/{row['object']}"
            found[row["object"]].append(_of_object(f"s3/{row['store']}", path, row))
        for row in self._objects("swift", rows):
            path = row["path"] or f"T-{row['object']}"
            found[row["object"]].append(_of_object(f"swift/{row['store']}", path, row))
        return found

    def of_volumes(self, rows: Sequence[Row]) -> Found:
        """By the volume's number."""
        return _by_object(self._rows("volume", rows), _of_host)

    def of_snapshots(self, rows: Sequence[Row]) -> tuple[Mapping[int, int], Found]:
        """A snapshot's own row tells its one place; KVM's are kept on every kind of store."""
        parents = {row["id"]: row["prev_snap_id"] for row in rows if row["prev_snap_id"]}
        return parents, {row["id"]: _of_snapshot(row) for row in rows}

    def _rows(self, noun: str, rows: Sequence[Row]) -> list[Row]:
        table = f"{noun}_host_ref"
        told = self._database.columns(table, self._told)
        query = f"SELECT {noun}_id AS object, {told} FROM {table} WHERE {noun}_id IN"  # noqa: S608 - names of ours
        return self._database.those(query, [row["id"] for row in rows])

    def _objects(self, kind: str, rows: Sequence[Row]) -> list[Row]:
        table = f"template_{kind}_ref"
        if table not in self._database.tables:
            return []
        told = self._database.columns(table, ("path", "physical_size"))
        query = f"SELECT template_id AS object, {kind}_id AS store, {told} FROM {table}"  # noqa: S608 - names of ours
        return self._database.those(f"{query} WHERE template_id IN", [row["id"] for row in rows])


def _of_host(row: Row) -> Copy:
    return Copy(
        store=f"host/{row['host_id']}",
        path=row["install_path"] or "",
        state=READY if row["download_state"] in _DOWNLOADED else "Allocated",
        download=row["download_state"] or "",
        destroyed=truth(row["destroyed"]),
        size=row["physical_size"] or None,
        format=row["format"] or "",
    )


def _of_object(store: str, path: str, row: Row) -> Copy:
    size = row["physical_size"] or None
    return Copy(store=store, path=path, state=READY, download="DOWNLOADED", size=size)


def _of_snapshot(row: Row) -> list[Copy]:
    name: Any = row["backup_snap_id"]
    stores = [
        f"{table}/{row[column]}"
        for table, column in (("host", "sechost_id"), ("s3", "s3_id"), ("swift", "swift_id"))
        if row[column]
    ]
    path = _snapshot_path(str(name), row) if name else ""
    return [Copy(store=store, path=path, state=READY, download="") for store in stores]


def _snapshot_path(name: str, row: Row) -> str:
    """KVM kept whole paths, from wherever the store was mounted; the others a name alone."""
    if "snapshots/" in name:
        return name[name.index("snapshots/") :]
    return f"snapshots/{row['account_id']}/{row['volume_id']}/{name}"


def _by_object(rows: Sequence[Row], made: Any) -> Found:
    found: Found = {}
    for row in rows:
        found.setdefault(row["object"], []).append(made(row))
    return found
