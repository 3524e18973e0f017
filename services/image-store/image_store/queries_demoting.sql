-- What stands against giving a store up as it is.

-- name: only_on_store
-- Objects of which no other readable image store holds a Ready replica.
SELECT r.noun, r.object_id, '' AS what FROM object_store_ref r
JOIN stored_object o ON o.noun = r.noun AND o.id = r.object_id
WHERE r.store_id = $1 AND r.state = 'Ready' AND NOT o.removed AND NOT EXISTS (
    SELECT FROM object_store_ref other JOIN image_data_store s ON s.id = other.store_id
    WHERE other.noun = r.noun AND other.object_id = r.object_id AND other.store_id <> $1
        AND other.state = 'Ready' AND other.role = 'Image'
        AND s.state IN ('Up', 'ReadOnly', 'Degraded', 'Draining'))
ORDER BY r.noun, r.object_id

-- name: only_left_on_store
-- The same, counted.
SELECT count(*) AS objects, coalesce(sum(r.size), 0)::bigint AS bytes FROM object_store_ref r
JOIN stored_object o ON o.noun = r.noun AND o.id = r.object_id
WHERE r.store_id = $1 AND r.state = 'Ready' AND NOT o.removed AND NOT EXISTS (
    SELECT FROM object_store_ref other JOIN image_data_store s ON s.id = other.store_id
    WHERE other.noun = r.noun AND other.object_id = r.object_id AND other.store_id <> $1
        AND other.state = 'Ready' AND other.role = 'Image'
        AND s.state IN ('Up', 'ReadOnly', 'Degraded', 'Draining'))
-- name: to_demote
-- Stores that become caches when what they hold has been copied.
SELECT id FROM image_data_store WHERE evacuation ? 'cache' ORDER BY id

-- name: busy_on_store
-- Replicas that are being written, deleted or read, and what is done with them.
SELECT r.noun, r.object_id, CASE WHEN r.state IN ('Ready', 'Allocated', 'Failed') THEN 'is read'
    ELSE 'is ' || r.state END AS what
FROM object_store_ref r WHERE r.store_id = $1 AND (
    r.state NOT IN ('Ready', 'Allocated', 'Failed') OR EXISTS (
        SELECT FROM grants g WHERE g.ref_id = r.id AND NOT g.writes AND g.state = 'active'
            AND g.purpose = 'copy'))
ORDER BY r.noun, r.object_id
