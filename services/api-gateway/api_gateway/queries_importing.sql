-- name: imported_known
-- What is known already of objects, by noun ($1) and id ($2).
SELECT noun, id, account_id, sequence, removed, state FROM resources
WHERE (noun, id) IN (SELECT * FROM unnest($1::text[], $2::text[]))
-- name: describe_imported
-- What somebody said of it here since is newer.
INSERT INTO descriptions (noun, id, account_id, created, public, featured, extractable, attributes)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING
-- name: share_imported
INSERT INTO launch_permissions (noun, id, account_id)
SELECT $1, $2, account_id FROM unnest($3::text[]) AS t (account_id) ON CONFLICT DO NOTHING
-- name: place_account
UPDATE accounts SET domain_id = $2 WHERE id = $1
-- name: imported_domain
SELECT * FROM domains WHERE lower(path) = lower($1)
