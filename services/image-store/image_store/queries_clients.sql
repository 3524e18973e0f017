-- name: make_link
INSERT INTO grants (id, ref_id, writes, purpose, expires, created)
VALUES ($1, $2, false, 'link', $3, stowage_now()) ON CONFLICT DO NOTHING
-- name: move_link
-- Another replica serves it from now on.
UPDATE grants SET ref_id = $2 WHERE id = $1
-- name: revoke_link
-- Also before it was ever made.
INSERT INTO grants (id, writes, purpose, state, created)
VALUES ($1, false, 'link', 'revoked', stowage_now())
ON CONFLICT (id) DO UPDATE SET state = 'revoked' WHERE grants.purpose = 'link'
-- name: ref_of_upload
-- The replica an upload fills.
SELECT r.* FROM object_store_ref r JOIN grants g ON g.ref_id = r.id
WHERE r.noun = $1 AND r.object_id = $2 AND g.purpose = 'upload' AND g.writes
    AND g.state = 'active' AND r.state = 'Creating'
-- name: upload_alive
UPDATE grants SET expires = $2, writer = $3, epoch = 1 WHERE id = $1
-- name: uploads_abandoned
SELECT ref_id FROM grants WHERE purpose = 'upload' AND state = 'active'
    AND expires < stowage_now() ORDER BY expires LIMIT 20
-- name: hosts_with_door
SELECT * FROM hosts WHERE state = 'Up' AND abilities ->> 'door' <> '' ORDER BY id
-- name: uploads_on_store
-- Uploads that are still being sent to a store.
SELECT r.* FROM object_store_ref r JOIN grants g ON g.ref_id = r.id
WHERE r.store_id = $1 AND r.state = 'Creating' AND g.purpose = 'upload' AND g.state = 'active'
