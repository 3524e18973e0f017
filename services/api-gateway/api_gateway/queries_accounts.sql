-- name: caller
-- Whose API key it is, with what its requests are signed with. A domain admin sees the accounts of
-- its domain and of all below.
SELECT a.id, a.name, a.admin, a.role, a.domain_id, u.id AS user_id, u.name AS user_name,
    a.state = 'enabled' AND u.state = 'enabled' AS enabled, k.id AS key_id, k.sealed_secret,
    CASE WHEN a.role = 'domain_admin' THEN ARRAY(
        SELECT o.id FROM accounts o JOIN domains d ON d.id = o.domain_id
        WHERE d.lineage @> ARRAY[a.domain_id]) ELSE '{}' END AS subtree
FROM api_keys k JOIN users u ON u.id = k.user_id JOIN accounts a ON a.id = u.account_id
WHERE k.key_hash = $1
-- name: caller_of_user
-- As caller, of a user who proved to be one otherwise.
SELECT a.id, a.name, a.admin, a.role, a.domain_id, u.id AS user_id, u.name AS user_name,
    a.state = 'enabled' AND u.state = 'enabled' AS enabled,
    CASE WHEN a.role = 'domain_admin' THEN ARRAY(
        SELECT o.id FROM accounts o JOIN domains d ON d.id = o.domain_id
        WHERE d.lineage @> ARRAY[a.domain_id]) ELSE '{}' END AS subtree
FROM users u JOIN accounts a ON a.id = u.account_id WHERE u.id = $1

-- name: owners
-- Names of accounts and of their domains.
SELECT a.id, a.name, d.id AS domain_id, d.name AS domain_name, d.path
FROM accounts a JOIN domains d ON d.id = a.domain_id WHERE a.id = ANY ($1::text[])
-- name: domain
SELECT * FROM domains WHERE id = $1
-- name: domain_at
SELECT * FROM domains WHERE lower(path) = lower($1)
-- name: accounts_named
SELECT id FROM accounts WHERE name = $1 AND domain_id = $2 ORDER BY created, id
-- name: accounts_of_domain
-- Of a domain and, where $2, of all below.
SELECT a.id FROM accounts a JOIN domains d ON d.id = a.domain_id
WHERE d.id = $1 OR $2 AND d.lineage @> ARRAY[$1]

-- name: limits_over
-- What bounds how much of type $2 account $1 may have: limits of the domains above it, outermost
-- first, then its own. They stay locked: who adds something is counted one after another.
SELECT l.account_id, l.domain_id, l.max
FROM accounts a JOIN domains d ON d.id = a.domain_id
JOIN resource_limits l ON l.type = $2 AND (l.account_id = a.id OR l.domain_id = ANY (d.lineage))
WHERE a.id = $1 ORDER BY array_position(d.lineage, l.domain_id) NULLS LAST
FOR UPDATE OF l
-- name: count_resources
-- What accounts $1 have of a noun, counted up to $3.
SELECT count(*) FROM (
    SELECT FROM resources
    WHERE noun = $2 AND account_id = ANY ($1::text[]) AND NOT removed
        AND NOT coalesce((state ->> 'removed')::boolean, false)
    LIMIT $3) AS found
-- name: set_account_limit
INSERT INTO resource_limits (account_id, type, max) VALUES ($1, $2, $3)
ON CONFLICT (account_id, type) WHERE account_id IS NOT NULL DO UPDATE SET max = EXCLUDED.max
-- name: set_domain_limit
INSERT INTO resource_limits (domain_id, type, max) VALUES ($1, $2, $3)
ON CONFLICT (domain_id, type) WHERE domain_id IS NOT NULL DO UPDATE SET max = EXCLUDED.max
-- name: drop_account_limit
DELETE FROM resource_limits WHERE account_id = $1 AND type = $2
-- name: drop_domain_limit
DELETE FROM resource_limits WHERE domain_id = $1 AND type = $2
-- name: limits_of
-- All limits of accounts $1 and of domains $2.
SELECT account_id, domain_id, type, max FROM resource_limits
WHERE account_id = ANY ($1::text[]) OR domain_id = ANY ($2::text[])
