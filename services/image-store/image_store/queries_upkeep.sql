-- name: change_store
UPDATE image_data_store SET state = $2, wished = $3, name = coalesce($4, name),
    tags = coalesce($5, tags), error = CASE WHEN state = 'Degraded' THEN error END WHERE id = $1
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
SELECT s.*, (SELECT coalesce(sum(reserved), 0) FROM object_store_ref r
    WHERE r.store_id = s.id AND reserved > 0)::bigint AS reserved
FROM image_data_store s WHERE s.role = 'Image' ORDER BY s.id
