-- name: host_drains
UPDATE hosts SET drain = $2 WHERE id = $1 RETURNING *
