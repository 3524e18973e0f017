-- name: clone_made
-- No row where the write was revoked meanwhile.
UPDATE grants SET state = 'committed' WHERE id = $1 AND state = 'active'
-- name: clone_over
-- Orders of older epochs than $2 are heard no more.
UPDATE grants SET epoch = $2 WHERE id = $1 AND epoch < $2
