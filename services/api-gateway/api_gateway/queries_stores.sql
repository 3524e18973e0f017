-- name: stores_of_role
-- Data stores of a role that passed their probe, oldest first.
SELECT id, state FROM resources WHERE noun = 'store' AND NOT removed AND state ->> 'role' = $1
    AND state ->> 'state' NOT IN ('Adding', 'Removed') ORDER BY created, id
-- name: providers_of_pools
SELECT DISTINCT state ->> 'provider' AS provider FROM resources
WHERE noun = 'store' AND NOT removed AND state ->> 'role' = 'Primary'
