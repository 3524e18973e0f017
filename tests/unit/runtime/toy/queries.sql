-- name: add_zone
INSERT INTO zones (id, name, added, facts) VALUES ($1, $2, stowage_now(), $3) ON CONFLICT DO NOTHING
-- name: zones
-- Every zone there is.
SELECT * FROM zones ORDER BY id
-- name: rename_zone
UPDATE zones SET name = $2 WHERE id = $1
-- name: add_pod
INSERT INTO pods (id, name) VALUES ($1, $2)
-- name: pods
SELECT * FROM pods ORDER BY id
-- name: add_beat
INSERT INTO beats (host_id) VALUES ($1)
-- name: beats
SELECT host_id FROM beats ORDER BY id
-- name: drop_pods
DELETE FROM pods
