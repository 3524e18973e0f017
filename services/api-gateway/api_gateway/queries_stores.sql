-- name: stores_of_role
-- Data stores of a role that passed their probe, oldest first.
SELECT id, state, created FROM resources
WHERE noun = 'store' AND NOT removed AND state ->> 'role' = $1
    AND state ->> 'state' NOT IN ('Adding', 'Removed') ORDER BY created, id
-- name: providers_of_pools
SELECT DISTINCT state ->> 'provider' AS provider FROM resources
WHERE noun = 'store' AND NOT removed AND state ->> 'role' = 'Primary'
-- name: states_of_objects
-- Of objects by noun ($1) and id ($2) that are still there.
SELECT state FROM resources
WHERE (noun, id) IN (SELECT * FROM unnest($1::text[], $2::text[])) AND NOT removed

-- name: add_selector
INSERT INTO selectors (id, name, description, zone_id, type, rule, rules, created)
VALUES ($1, $2, $3, $4, $5, $6, $7, stowage_now()) ON CONFLICT DO NOTHING
-- name: selector
SELECT * FROM selectors WHERE id = $1 AND removed IS NULL FOR UPDATE
-- name: change_selector
UPDATE selectors SET rule = $2, rules = $3 WHERE id = $1
-- name: remove_selector
UPDATE selectors SET removed = stowage_now() WHERE id = $1
-- name: selectors
SELECT * FROM selectors WHERE zone_id = $1 AND $2 IN ('', type) AND ($3 OR removed IS NULL)
ORDER BY created, id
