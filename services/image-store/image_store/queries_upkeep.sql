-- name: change_store
UPDATE image_data_store SET state = $2, wished = $3, name = coalesce($4, name),
    tags = coalesce($5, tags), capacity = coalesce($6, capacity),
    total_bytes = coalesce($6, total_bytes), error = CASE WHEN state = 'Degraded' THEN error END WHERE id = $1
-- name: being_removed
SELECT EXISTS (SELECT FROM intents WHERE kind = 'remove' AND key = $1)
-- name: try_settings
UPDATE image_data_store SET new_settings = $2, new_sealed = $3 WHERE id = $1
-- name: place_taken
SELECT EXISTS (SELECT FROM image_data_store WHERE role = 'Image' AND provider = $2
    AND settings::text = $3::jsonb::text AND id <> $1)
-- name: take_settings
UPDATE image_data_store SET settings = new_settings, sealed = new_sealed, new_settings = NULL,
    new_sealed = '' WHERE id = $1
-- name: drop_settings
UPDATE image_data_store SET new_settings = NULL, new_sealed = '' WHERE id = $1
-- name: some_ready_on
-- A few replicas that a store must be able to show, whatever its settings are.
SELECT install_path, size FROM object_store_ref WHERE store_id = $1 AND state = 'Ready'
ORDER BY id LIMIT 3
-- name: lifecycle_told
UPDATE image_data_store SET told = $2, error = NULL WHERE id = $1
-- name: stores_untold
SELECT id FROM image_data_store WHERE role = 'Image' AND told <> CASE state
    WHEN 'Draining' THEN 'drain' WHEN 'Disabled' THEN 'maintain' ELSE 'open' END
-- name: stores_serving
SELECT * FROM image_data_store WHERE role = 'Image' AND state NOT IN ('Adding', 'Disabled')
ORDER BY id

-- name: providers_known
SELECT id, view FROM storage_provider ORDER BY id FOR UPDATE
-- name: offer_provider
INSERT INTO storage_provider (id, view) VALUES ($1, $2)
ON CONFLICT (id) DO UPDATE SET view = EXCLUDED.view
-- name: withdraw_provider
DELETE FROM storage_provider WHERE id = $1

-- name: set_rule
INSERT INTO placement_rules (id, position, rule) VALUES ($1, $2, $3)
ON CONFLICT (id) DO UPDATE SET position = EXCLUDED.position, rule = EXCLUDED.rule
-- name: drop_rule
DELETE FROM placement_rules WHERE id = $1 RETURNING rule
-- name: stores_unknown
-- Those of $1 that are no image stores.
SELECT id FROM unnest($1::text[]) AS t(id)
WHERE NOT EXISTS (SELECT FROM image_data_store s WHERE s.id = t.id AND s.role = 'Image') ORDER BY id
-- name: stores_to_weigh
SELECT s.*, (SELECT least(coalesce(sum(reserved), 0), 1::bigint << 62) FROM object_store_ref r
    WHERE r.store_id = s.id AND reserved > 0)::bigint AS reserved
FROM image_data_store s WHERE s.role = 'Image' ORDER BY s.id

-- name: keys_known
-- Those of keys $2 at which the catalogue has, or is making, something on a store.
SELECT r.*, o.removed FROM object_store_ref r
JOIN stored_object o ON o.noun = r.noun AND o.id = r.object_id
WHERE r.store_id = $1 AND r.install_path COLLATE "C" = ANY($2)
-- name: refs_between
-- Ready replicas on a store whose keys are after $2 and, if $3 is given, not after it.
SELECT id, install_path, size FROM object_store_ref WHERE store_id = $1 AND state = 'Ready'
    AND install_path COLLATE "C" > $2 AND ($3 = '' OR install_path COLLATE "C" <= $3)
    AND install_path <> ALL($4::text[]) ORDER BY install_path COLLATE "C" LIMIT $5
-- name: keys_going
-- Keys $2 on a store that a pending intent deletes or gives up.
SELECT payload ->> 'key' AS key FROM intents WHERE kind IN ('delete', 'revoke')
    AND payload ->> 'store_id' = $1 AND payload ->> 'key' = ANY($2)
-- name: writers_at
-- Keys $2 at which something is being written on a store.
SELECT r.install_path AS key FROM object_store_ref r WHERE r.store_id = $1
    AND r.install_path COLLATE "C" = ANY($2) AND r.state IN ('Allocated', 'Creating')
-- name: stores_to_scan
SELECT id FROM image_data_store WHERE role = 'Image' AND state IN ('Up', 'ReadOnly', 'Draining')
    AND coalesce(scanned, '-infinity') < stowage_now() - make_interval(secs => $1)
-- name: scan_began
UPDATE image_data_store SET scanned = stowage_now() WHERE id = $1
-- name: saw
-- One scan sees a thing once, however often it had to begin anew.
INSERT INTO findings (id, store_id, kind, key, writer, session, size, object, ref_id, scan_id,
    first_seen, last_seen, sightings)
SELECT gen_random_uuid()::text, $1, kind, key, writer, session, size, object, ref_id, $2,
    stowage_now(), stowage_now(), 1
FROM jsonb_to_recordset($3) AS t(kind text, key text, writer text, session text, size bigint,
    object jsonb, ref_id text)
ON CONFLICT (store_id, kind, key, writer, session) DO UPDATE SET size = EXCLUDED.size,
    object = EXCLUDED.object, ref_id = EXCLUDED.ref_id, last_seen = EXCLUDED.last_seen,
    sightings = findings.sightings + (findings.scan_id <> EXCLUDED.scan_id)::int,
    scan_id = EXCLUDED.scan_id
-- name: drop_unseen
DELETE FROM findings WHERE store_id = $1 AND scan_id <> $2
-- name: drop_finding
DELETE FROM findings WHERE id = $1
-- name: drop_finding_at
DELETE FROM findings WHERE store_id = $1 AND kind = $2 AND key = $3
-- name: finding
SELECT * FROM findings WHERE store_id = $1 AND id = $2 FOR UPDATE
-- name: findings_after
SELECT * FROM findings WHERE store_id = $1 AND id > $2 ORDER BY id LIMIT $3
-- name: findings_by_kind
SELECT kind, count(*) AS count FROM findings WHERE store_id = $1 GROUP BY kind
-- name: damage_found
-- Replicas that two scans found missing or mismatched and that still count as good.
SELECT f.id, f.kind, f.ref_id, f.size FROM findings f JOIN object_store_ref r ON r.id = f.ref_id
WHERE f.store_id = $1 AND f.kind IN ('missing', 'mismatched') AND f.sightings > 1
    AND f.scan_id = $2 AND r.state = 'Ready' ORDER BY f.id LIMIT $3
-- name: writes_abandoned
SELECT * FROM findings WHERE store_id = $1 AND kind = 'open_write' AND sightings > 1
    AND scan_id = $2 AND first_seen <= stowage_now() - make_interval(secs => $3)
ORDER BY id LIMIT $4
-- name: inventory
UPDATE image_data_store SET inventory = $2 WHERE id = $1
-- name: object_adopted
UPDATE stored_object SET created = $3, virtual_size = $4 WHERE noun = $1 AND id = $2
