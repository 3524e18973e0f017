"""What belongs to nobody: rows that are not final, bytes no replica stands for."""

from __future__ import annotations

from pathlib import Path

from tests.failure.objects.stage import Stage, until

UNSETTLED = {
    "replicas that are not Ready": """
        SELECT state, error FROM image_store.object_store_ref
        WHERE role = 'Image' AND state <> 'Ready'""",
    "reservations": """
        SELECT store_id, reserved FROM image_store.object_store_ref WHERE reserved > 0""",
    "inspections": "SELECT purpose, attempts, error FROM image_store.inspections",
    "askers": "SELECT copy_id FROM image_store.askers",
    "open uploads": """
        SELECT ref_id FROM image_store.grants WHERE purpose = 'upload' AND state = 'active'""",
    "side effects": "SELECT kind, key, attempts, last_error FROM image_store.intents",
    "side effects of copies": "SELECT kind, key, attempts, last_error FROM data_motion.intents",
    "copies": """
        SELECT id, state FROM data_motion.copies
        WHERE state NOT IN ('done', 'failed', 'cancelled')""",
    "hops": """
        SELECT id, state FROM data_motion.hops
        WHERE state NOT IN ('committed', 'failed', 'cancelled')""",
}


async def at_rest(stage: Stage) -> None:
    """Every row is final."""
    last: dict[str, object] = {}

    async def look() -> bool:
        nonlocal last
        last = await _unsettled(stage)
        return not last

    await until(look, lambda: f"all is settled: {last}")


async def nothing_left(stage: Stage) -> None:
    """Every row is final and every byte is a Ready replica's, or its manifest's."""
    last: dict[str, object] = {}

    async def look() -> bool:
        nonlocal last
        last = await _unsettled(stage) or await _strange(stage)
        if "unfinished" in str(last):  # begun, and its caller died before it knew the name
            await stage.operator.call("POST", "stores/rgw/scan")
        return not last

    await until(look, lambda: f"all is settled: {last}")


async def _unsettled(stage: Stage) -> dict[str, object]:
    found = {what: await stage.rows(query) for what, query in UNSETTLED.items()}
    return {what: rows for what, rows in found.items() if rows}


async def _strange(stage: Stage) -> dict[str, object]:
    refs = await stage.rows(
        "SELECT store_id, install_path FROM image_store.object_store_ref WHERE role = 'Image'"
    )
    stores = await stage.rows("""
        SELECT id, settings ->> 'root' AS root FROM image_store.image_data_store
        WHERE role = 'Image'""")
    found: dict[str, object] = {}
    for store in stores:
        keys = {ref["install_path"] for ref in refs if ref["store_id"] == store["id"]}
        wanted = keys | {f".stowage/notes/{key}" for key in keys}
        there = files(Path(store["root"])) if store["root"] else await _objects(stage)
        if there != wanted:
            found[store["id"]] = {"more": there - wanted, "less": wanted - there}
    if parts := [str(path) for path in stage.folder.rglob("*.part*")]:
        found["parts"] = parts
    return found


def files(root: Path) -> set[str]:
    """Every file below a folder; markers of commits are forgotten by probes, in time."""
    there = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    return {path for path in there if not path.endswith(".done")}


async def _objects(stage: Stage) -> set[str]:
    async with stage.server.client() as s3:
        page = await s3.list_objects_v2(Bucket=stage.bucket)
        uploads = await s3.list_multipart_uploads(Bucket=stage.bucket)
    objects = {one["Key"] for one in page.get("Contents", [])}
    return objects | {f"unfinished {one['Key']}" for one in uploads.get("Uploads", [])}
