"""Zones, accounts, stores and pools of a CloudStack."""

from collections.abc import Mapping
from typing import Any

from stowage_client.importing.database import Database, Row
from stowage_client.importing.records import (
    CACHE,
    IMAGE,
    Account,
    Pool,
    Store,
    World,
    Zone,
    identity,
)
from stowage_client.importing.versions import Version

_DOMAIN = ("parent", "name", "uuid", "path", "removed")
_DEEPEST = 16
_GONE = ("Expunged", "Destroy", "Expunging", "Destroying")


def world_of(database: Database, version: Version) -> World:
    """All of it; raises as Database does."""
    zones = _zones(database)
    stores = _old_stores(database) if version.legacy else _stores(database, version)
    return World(
        zones=zones,
        accounts=_accounts(database),
        stores={store.key: store for store in stores},
        pools=tuple(_pools(database, zones)),
    )


def _select(database: Database, table: str, *columns: str, where: str = "") -> list[Row]:
    """Rows of a table by what it has of the columns; none where there is no such table."""
    if table not in database.tables:
        return []
    told = database.columns(table, ("id", *columns))
    return database.rows(f"SELECT {told} FROM {table} {where} ORDER BY id")  # noqa: S608 - names of ours


def _zones(database: Database) -> dict[int, Zone]:
    return {
        row["id"]: Zone(identity("zone", row), row["name"], row["removed"] is not None)
        for row in _select(database, "data_center", "uuid", "name", "removed")
    }


def _accounts(database: Database) -> dict[int, Account]:
    domains = {row["id"]: row for row in _select(database, "domain", *_DOMAIN)}
    told = ("uuid", "account_name", "domain_id", "removed")
    return {
        row["id"]: Account(
            identity("account", row),
            row["account_name"] or f"account {row['id']}",
            domains.get(row["domain_id"], {}).get("path") or "",
            row["removed"] is not None,
            _lineage(domains, row["domain_id"]),
        )
        for row in _select(database, "account", *told)
    }


def _lineage(domains: Mapping[int, Row], number: int | None) -> tuple[tuple[str, str], ...]:
    """Domains from below ROOT down; a removed one ends it, with all below."""
    found: list[tuple[str, str]] = []
    while number and (row := domains.get(number)) and row["parent"] and len(found) < _DEEPEST:
        found.insert(0, (identity("domain", row), row["name"]))
        if row["removed"] is not None:
            found.clear()
        number = row["parent"]
    return tuple(found)


def _stores(database: Database, version: Version) -> list[Store]:
    details: dict[int, dict[str, str]] = {}
    for row in _select(database, "image_store_details", "store_id", "name", "value"):
        details.setdefault(row["store_id"], {})[row["name"]] = row["value"]
    told = (
        "uuid",
        "name",
        "image_provider_name",
        "url",
        "role",
        "scope",
        "data_center_id",
        "removed",
        "readonly",
    )
    return [
        Store(
            key=f"image_store/{row['id']}",
            id=identity("store", row),
            name=row["name"],
            provider=row["image_provider_name"],
            url=row["url"] or "",
            role=row["role"] or IMAGE,
            zone=None if (row["scope"] or "").upper() == "REGION" else row["data_center_id"],
            removed=row["removed"] is not None,
            read_only=truth(row["readonly"]),
            details=details.get(row["id"], {}),
            sealed=version.sealed,
        )
        for row in _select(database, "image_store", *told)
    ]


def _old_stores(database: Database) -> list[Store]:
    """Hosts that are secondary storage; caches of the object stores where there are some."""
    objects = [*_old_s3(database), *_old_swift(database)]
    role = CACHE if objects else IMAGE
    told = ("uuid", "name", "url", "data_center_id", "removed")
    hosts = _select(database, "host", *told, where="WHERE type = 'SecondaryStorage'")
    return [_old_nfs(row, role) for row in hosts] + objects


def _old_nfs(row: Row, role: str) -> Store:
    return Store(
        key=f"host/{row['id']}",
        id=identity("store", row),
        name=row["name"] or identity("store", row),
        provider="NFS",
        url=row["url"] or "",
        role=role,
        zone=row["data_center_id"],
        removed=row["removed"] is not None,
    )


def _old_s3(database: Database) -> list[Store]:
    told = ("uuid", "access_key", "secret_key", "end_point", "bucket", "https")
    return [
        Store(
            key=f"s3/{row['id']}",
            id=identity("s3", row),
            name=f"S3 {row['bucket']}",
            provider="S3",
            url="",
            role=IMAGE,
            zone=None,
            details={
                "accesskey": row["access_key"],
                "secretkey": row["secret_key"],
                "endpoint": row["end_point"] or "",
                "bucket": row["bucket"],
                "usehttps": "true" if truth(row["https"]) else "false",
            },
        )
        for row in _select(database, "s3", *told)
    ]


def _old_swift(database: Database) -> list[Store]:
    told = ("uuid", "url", "account", "username", "key")
    return [
        Store(
            key=f"swift/{row['id']}",
            id=identity("swift", row),
            name=f"Swift {row['account']}",
            provider="Swift",
            url=row["url"],
            role=IMAGE,
            zone=None,
            details={name: row[name] for name in ("account", "username", "key")},
        )
        for row in _select(database, "swift", *told)
    ]


def _pools(database: Database, zones: dict[int, Zone]) -> list[Pool]:
    told = ("uuid", "name", "pool_type", "host_address", "path", "scope", "status")
    rows = _select(
        database,
        "storage_pool",
        *told,
        "cluster_id",
        "data_center_id",
        where="WHERE removed IS NULL",
    )
    on = _volumes_by_pool(database)
    return [
        Pool(
            id=identity("pool", row),
            name=row["name"] or "",
            kind=row["pool_type"],
            host=row["host_address"],
            path=row["path"],
            scope=row["scope"] or old_scope(row["pool_type"]),
            zone=zone.id if (zone := zones.get(row["data_center_id"])) else "",
            status=row["status"] or "",
            volumes=on.get(row["id"], 0),
        )
        for row in rows
    ]


def old_scope(kind: str) -> str:
    """What 4.2 made of pools that told no scope."""
    return "HOST" if kind in ("Filesystem", "LVM") else "CLUSTER"


def _volumes_by_pool(database: Database) -> dict[int, int]:
    rows = database.rows(
        "SELECT pool_id, COUNT(*) AS n FROM volumes WHERE removed IS NULL AND pool_id IS NOT NULL"
        " AND (state IS NULL OR state NOT IN (%s, %s, %s, %s)) GROUP BY pool_id",
        *_GONE,
    )
    return {row["pool_id"]: row["n"] for row in rows}


def truth(value: Any) -> bool:
    """A flag, whether it is kept as a number, as a bit or as text."""
    if isinstance(value, bytes):
        return value != b"\0" * len(value)
    if isinstance(value, str):
        return value.lower() in ("1", "true", "y")
    return bool(value)
