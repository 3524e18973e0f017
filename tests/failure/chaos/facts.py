"""What is really there: rows by our own SQL, files and objects by our own listing."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from tests.failure.chaos.disks import BALLAST
from tests.failure.chaos.world import CACHE, World

SCHEMAS = ("image_store", "data_motion", "cache_autoscaler", "api_gateway")
UNSETTLED = {
    "replicas on their way": """
        SELECT object_id, store_id, state, error FROM image_store.object_store_ref
        WHERE state NOT IN ('Ready', 'Failed')""",
    "reservations": """
        SELECT object_id, store_id, reserved FROM image_store.object_store_ref
        WHERE reserved > 0""",
    "inspections": "SELECT purpose, ref_id, attempts, error FROM image_store.inspections",
    "askers": "SELECT copy_id, ref_id FROM image_store.askers",
    "copies": """
        SELECT id, state, waiting_for, paused FROM data_motion.copies
        WHERE state NOT IN ('done', 'failed', 'cancelled')""",
    "hops, and the slots they hold": """
        SELECT id, state, host_id, epoch FROM data_motion.hops
        WHERE state NOT IN ('committed', 'failed', 'cancelled')""",
    "pins": "SELECT entry_id, copy_id FROM cache_autoscaler.pins",
    "cache reservations": """
        SELECT id, state, fill_copy FROM cache_autoscaler.entries WHERE state <> 'ready'""",
    "waits for a cache": "SELECT copy_id FROM cache_autoscaler.waits",
    "pending rows": """
        SELECT noun, id FROM api_gateway.resources WHERE sequence = 0 AND NOT removed
        AND coalesce(state ->> 'state', '') NOT IN ('done', 'failed')""",
    "stores on their way": """
        SELECT id, state, error FROM image_store.image_data_store
        WHERE role = 'Image' AND state <> 'Up'""",
}
KEPT = (".done", ".key")
"""Ends of marks by which a repeated commit is known; probes forget them in time."""
LONG_AGO = 7200.0


@dataclass(frozen=True)
class Facts:
    """Looks, and never asks the product."""

    world: World

    async def rows(self, query: str) -> list[dict[str, Any]]:
        """What the database says."""
        url = self.world.deployment.backing.database_url
        connection = await asyncpg.connect(url, timeout=10)
        try:
            for kind in ("json", "jsonb"):
                await connection.set_type_codec(
                    kind, encoder=json.dumps, decoder=json.loads, schema="pg_catalog"
                )
            return [dict(row) for row in await connection.fetch(query, timeout=20)]
        finally:
            await connection.close()

    async def unsettled(self) -> dict[str, object]:
        """Rows that are not final, messages not yet said, side effects not yet done."""
        queries = dict(UNSETTLED)
        for schema in SCHEMAS:
            queries[f"outbox of {schema}"] = f"SELECT type, subject FROM {schema}.outbox"
            queries[f"side effects of {schema}"] = (
                f"SELECT kind, key, attempts, last_error FROM {schema}.intents"
            )
        found = {what: await self.rows(query) for what, query in queries.items()}
        return {what: rows for what, rows in found.items() if rows}

    async def queued(self) -> dict[str, int]:
        """Messages in queues; signals may be lost, and dead letters are another matter."""
        counts = await self.world.shovel.counts()
        kept = (".signals", ".dead")
        return {name: count for name, count in counts.items() if not name.endswith(kept)}

    async def dead(self) -> dict[str, int]:
        """Dead letters by queue."""
        counts = await self.world.shovel.counts()
        return {name: count for name, count in counts.items() if name.endswith(".dead")}

    async def strange(self) -> dict[str, object]:
        """Bytes that no row stands for, and rows whose bytes are not there."""
        found: dict[str, object] = {}
        for place, wanted in (await self._wanted()).items():
            there = await self._objects() if place == "rgw" else self._files(place)
            notes = {f".stowage/notes/{key}" for key in wanted}
            more, less = there - wanted - notes, wanted - there
            if more or less:
                found[place] = {"more": more, "less": less}
        return found

    async def _wanted(self) -> dict[str, set[str]]:
        """Keys there should be: by image store, primary pool and cache."""
        places: dict[str, set[str]] = {CACHE: set()}
        for store in await self.rows(
            "SELECT id FROM image_store.image_data_store WHERE role IN ('Image', 'Primary')"
        ):
            places[store["id"]] = set()
        for folder in self.world.folder.glob("e*"):
            places.setdefault(folder.name, set())
        for ref in await self.rows("""
            SELECT store_id, install_path FROM image_store.object_store_ref
            WHERE state = 'Ready'"""):
            places[ref["store_id"]].add(ref["install_path"])
        for entry in await self.rows("SELECT store_id, key FROM cache_autoscaler.entries"):
            places[entry["store_id"]].add(entry["key"])
        return places

    def _files(self, place: str) -> set[str]:
        root = self.world.folder / place
        there = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
        return {path for path in there if not path.endswith(KEPT) and path != BALLAST}

    async def _objects(self) -> set[str]:
        async with self.world.s3.client() as s3:
            page = await s3.list_objects_v2(Bucket=self.world.bucket)
            uploads = await s3.list_multipart_uploads(Bucket=self.world.bucket)
        objects = {one["Key"] for one in page.get("Contents", [])}
        return objects | {f"unfinished {one['Key']}" for one in uploads.get("Uploads", [])}

    async def content(self, store_id: str, key: str) -> bytes:
        """Bytes of one replica; raises FileNotFoundError."""
        if store_id != "rgw":
            return (self.world.folder / store_id / key).read_bytes()
        async with self.world.s3.client() as s3:
            try:
                found = await s3.get_object(Bucket=self.world.bucket, Key=key)
            except s3.exceptions.NoSuchKey:
                raise FileNotFoundError(key) from None
            async with found["Body"] as body:
                return bytes(await body.read())

    def age(self) -> bool:
        """Make what a crash left look old, as it will be; whether a pool has any."""
        pools = False
        for place in self.world.folder.iterdir():
            own = place / ".stowage"
            if not own.is_dir() or place.name == "agents":
                continue
            for path in own.iterdir():
                if path.is_file() and not path.name.endswith(KEPT):
                    past = time.time() - LONG_AGO
                    _touch(path, past)
                    pools = pools or place.name.startswith("pool")
        return pools

    def logs(self) -> str:
        """Everything every process wrote."""
        return "".join(path.read_text() for path in self.world.folder.glob("*.log"))


def _touch(path: Path, when: float) -> None:
    try:
        os.utime(path, (when, when))
    except FileNotFoundError:
        return
