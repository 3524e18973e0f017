-- name: ref_installs
-- How a volume is made, and the base it stands on from now on.
UPDATE object_store_ref SET install = $2, base_ref = $3 WHERE id = $1
-- name: wait_for_base
INSERT INTO installs (copy_id, ref_id, base_ref, request) VALUES ($1, $2, $3, $4)
ON CONFLICT (copy_id) DO UPDATE SET base_ref = EXCLUDED.base_ref
-- name: waiting_for
-- Volumes that wait for a base.
SELECT copy_id FROM installs WHERE base_ref = $1 ORDER BY copy_id
-- name: waits_of
-- Copies of one volume that wait for its base.
SELECT copy_id FROM installs WHERE ref_id = $1 ORDER BY copy_id
-- name: install
SELECT * FROM installs WHERE copy_id = $1
-- name: drop_install
-- It waits no more; one that waits for another base since stays.
DELETE FROM installs WHERE copy_id = $1 AND base_ref = $2
-- name: hurry_of
-- The highest priority a replica was asked for with.
SELECT coalesce(max((request ->> 'priority')::integer), 0) FROM askers WHERE ref_id = $1
-- name: read_grant_of
-- The grant by which replica $2 is made of replica $1.
SELECT id FROM grants WHERE ref_id = $1 AND for_ref = $2 AND NOT writes AND state = 'active'
ORDER BY created LIMIT 1
-- name: stands_on
-- Whether a volume stands on a base, or waits for it.
SELECT EXISTS (SELECT FROM object_store_ref WHERE base_ref = $1)
    OR EXISTS (SELECT FROM installs WHERE base_ref = $1)
-- name: hidden_refs
-- Bases of deleted templates on which nothing stands any more.
SELECT r.id FROM object_store_ref r WHERE r.state = 'Hidden'
    AND NOT EXISTS (SELECT FROM object_store_ref v WHERE v.base_ref = r.id)
    AND NOT EXISTS (SELECT FROM installs i WHERE i.base_ref = r.id) ORDER BY r.id LIMIT 50

-- name: ref_moves
UPDATE object_store_ref SET moves_from = $2 WHERE id = $1
-- name: moving_from
-- The replica that a move makes of this one.
SELECT * FROM object_store_ref WHERE moves_from = $1

-- name: add_removal
INSERT INTO removals (id, ref_id, store_id, host_id, key, due)
VALUES ($1, $2, $3, $4, $5, stowage_now()) ON CONFLICT (ref_id) DO NOTHING
-- name: removals_due
-- Those whose host is there, once nobody reads the replica and nothing stands on it.
SELECT d.* FROM removals d JOIN hosts h ON h.id = d.host_id
WHERE d.due <= stowage_now() AND h.state = 'Up' AND NOT EXISTS (
    SELECT FROM grants g WHERE g.ref_id = d.ref_id AND NOT g.writes AND g.state = 'active'
        AND g.purpose = 'copy')
    AND NOT EXISTS (SELECT FROM object_store_ref v WHERE v.base_ref = d.ref_id)
ORDER BY d.due LIMIT 50 FOR UPDATE OF d SKIP LOCKED
-- name: removal_sent
UPDATE removals SET attempts = attempts + 1, due = stowage_now() + make_interval(secs => $2)
WHERE id = $1
-- name: removal
SELECT * FROM removals WHERE id = $1

-- name: overtake
INSERT INTO overtaken (noun, id, at) VALUES ($1, $2, $3)
ON CONFLICT (noun, id) DO UPDATE SET at = greatest(overtaken.at, EXCLUDED.at)
-- name: was_overtaken
-- Whether an object was deleted after it was asked for; told once.
WITH gone AS (DELETE FROM overtaken WHERE noun = $1 AND id = $2 RETURNING at)
SELECT at > $3 FROM gone
-- name: overtaken_old
DELETE FROM overtaken WHERE at < stowage_now() - make_interval(secs => $1)
