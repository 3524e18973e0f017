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
