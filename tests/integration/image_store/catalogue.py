"""A catalogue of any size: as many templates, each with a replica, and what hangs on them."""

from __future__ import annotations

from stowage_runtime.database.migrating import Session

STORES = 5
ROWS = """
INSERT INTO zones VALUES ('z1', 'one');
INSERT INTO image_data_store (id, name, provider, role, scope_type, scope_id, zone_id, state,
    settings, abilities, probed)
SELECT 's' || n, 's' || n, 'S3', 'Image', 'zone', 'z1', 'z1', 'Up', jsonb_build_object('n', n),
    '{{"schemes": ["https"]}}', now() FROM generate_series(0, {stores} - 1) n;

INSERT INTO stored_object (noun, id, kind, account_id, name, format, scope_type, zones, origin,
    size, digest, parent_id, created)
SELECT noun, left(noun, 1) || n, noun, 'a' || n % 100, 'name', 'qcow2',
    CASE WHEN n % 1000 = 0 THEN 'region' ELSE 'zone' END, '{{z1}}', 'url', 1 << 30,
    'sha256-tree-4m:' || n, CASE WHEN noun = 'snapshot' AND n % 2 = 0 THEN 's' || n - 1 END, now()
FROM (VALUES ('template', {count}), ('volume', {few}), ('snapshot', {few})) AS nouns (noun, many),
    generate_series(1, many) n;
UPDATE stored_object SET due = now() WHERE noun = 'template' AND id IN ('t1', 't2', 't3');

INSERT INTO object_store_ref (id, noun, kind, object_id, account_id, store_id, role, state,
    install_path, format, size, digest, reserved, verified, updated)
SELECT 'r' || id, noun, kind, id, account_id, 's' || substr(id, 2)::int % {stores}, 'Image',
    CASE substr(id, 2)::int % 200 WHEN 1 THEN 'Creating' WHEN 2 THEN 'Destroying' ELSE 'Ready' END,
    noun || '/' || account_id || '/' || id, format, size, digest,
    CASE substr(id, 2)::int % 2000 WHEN 1 THEN 1 << 30 ELSE 0 END,
    now() - random() * interval '30 days', now() FROM stored_object;

INSERT INTO grants (id, ref_id, writes, purpose, for_ref, state, expires, created)
SELECT 'g' || n, 'rt' || n, n % 2 = 0, CASE WHEN n % 5000 = 0 THEN 'upload' ELSE 'copy' END,
    CASE WHEN n % 2 = 1 THEN 'rt' || n - 1 END, CASE WHEN n % 10 = 0 THEN 'active' ELSE 'ended' END,
    now() + interval '1 hour', now() - random() * interval '7 days'
FROM generate_series(1, {count}) n;
INSERT INTO askers SELECT 'c' || n, 'rt' || n, '{{}}', now() FROM generate_series(1, 200) n;
INSERT INTO verdicts SELECT 'sha256-tree-4m:' || n, 1, 'qcow2', '{{}}'
FROM generate_series(1, {count}) n;
INSERT INTO inspections (id, ref_id, grant_id, due)
SELECT 'i' || n, 'rt' || n, 'g' || n, now() + interval '1 hour' FROM generate_series(1, 200) n;
INSERT INTO findings (id, store_id, kind, key, ref_id, scan_id, first_seen, last_seen, sightings)
SELECT 'f' || n, 's' || n % {stores}, CASE WHEN n % 2 = 0 THEN 'orphan' ELSE 'missing' END,
    'key' || n, CASE WHEN n % 2 = 1 THEN 'rt' || n END, 'scan' || n % 10, now(), now(), 1
FROM generate_series(1, {few}) n;
"""
GROWING = (
    "stored_object",
    "vm_template",
    "volumes",
    "snapshots",
    "object_store_ref",
    "template_store_ref",
    "volume_store_ref",
    "snapshot_store_ref",
    "grants",
    "verdicts",
    "findings",
)
"""Tables with a row for every object there is; others hold what is under way, and places."""


async def fill(connection: Session, count: int) -> None:
    """``count`` templates on five stores, a fifth as many volumes and snapshots."""
    few = max(1, count // 5)
    await connection.execute(ROWS.format(count=count, few=few, stores=STORES))
    await connection.execute("ANALYZE")
