-- Objects moved off stores that stay.

-- name: move_off
-- Where a good replica is to be instead; NULL lets it stay.
UPDATE object_store_ref SET moves_to = $4 WHERE noun = $1 AND object_id = $2 AND store_id = $3
    AND role = 'Image' AND state = 'Ready'
-- name: chain_on_store
-- Snapshots on a store that stand on one, or that it stands on, however far.
WITH RECURSIVE up AS (
    SELECT id, parent_id FROM stored_object WHERE noun = 'snapshot' AND id = $1
    UNION SELECT o.id, o.parent_id FROM stored_object o JOIN up ON o.id = up.parent_id
    WHERE o.noun = 'snapshot'
), family AS (
    SELECT id FROM up
    UNION SELECT o.id FROM stored_object o JOIN family ON o.parent_id = family.id
    WHERE o.noun = 'snapshot'
)
SELECT f.id FROM family f JOIN object_store_ref r ON r.noun = 'snapshot' AND r.object_id = f.id
WHERE r.store_id = $2 AND r.state = 'Ready' ORDER BY f.id
-- name: alone_on_store
-- Good replicas on a store that nothing stands on and that stand on nothing, largest first.
SELECT r.* FROM object_store_ref r JOIN stored_object o ON o.noun = r.noun AND o.id = r.object_id
WHERE r.store_id = $1 AND r.state = 'Ready' AND r.role = 'Image' AND r.size > 0
    AND r.moves_to IS NULL AND NOT r.in_place AND NOT o.removed AND o.parent_id IS NULL
    AND NOT EXISTS (SELECT FROM stored_object child WHERE child.parent_id = o.id)
ORDER BY r.size DESC, r.id LIMIT 10000
-- name: filled_store
-- How full an image store is, by what the catalogue has there where its server tells nothing.
SELECT s.id, s.total_bytes, coalesce(s.used_bytes, (SELECT coalesce(sum(size), 0)
    FROM object_store_ref r WHERE r.store_id = s.id AND r.state = 'Ready'))::bigint AS used
FROM image_data_store s WHERE s.id = $1
