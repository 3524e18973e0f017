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
-- name: domain_of_path
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
-- What accounts $1 have of a noun, counted up to $3. Volumes that copies are going to make are
-- among them before their owner has spoken.
SELECT count(*) FROM (
    SELECT FROM resources
    WHERE noun = $2 AND account_id = ANY ($1::text[]) AND NOT removed
        AND NOT coalesce((state ->> 'removed')::boolean, false)
    UNION ALL
    SELECT FROM resources AS copy
    WHERE $2 = 'volume' AND copy.noun = 'copy' AND copy.account_id = ANY ($1::text[])
        AND NOT copy.removed
        AND copy.state ->> 'state' IN ('requested', 'planned', 'waiting', 'running', 'paused')
        AND copy.state #>> '{object,kind}' = 'volume' AND NOT EXISTS (
            SELECT FROM resources AS volume
            WHERE volume.noun = 'volume' AND volume.id = copy.state #>> '{object,id}')
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

-- name: lock_domain
-- Names in it are given one at a time.
SELECT 1 FROM domains WHERE id = $1 FOR UPDATE
-- name: add_domain
INSERT INTO domains (id, name, parent_id, path, lineage, network_domain, created)
VALUES ($1, $2, $3, $4, $5, $6, stowage_now()) ON CONFLICT DO NOTHING
-- name: drop_domain
DELETE FROM domains WHERE id = $1
-- name: domain_holds
SELECT EXISTS (SELECT FROM domains WHERE parent_id = $1)
    OR EXISTS (SELECT FROM accounts WHERE domain_id = $1)
-- name: domains_page
-- Of one domain and of all below ($1; empty: all), by id, name, level and keyword; parents first.
SELECT d.*, p.name AS parent_name, EXISTS (SELECT FROM domains c WHERE c.parent_id = d.id) AS has_child
FROM domains d LEFT JOIN domains p ON p.id = d.parent_id
WHERE ($1 = '' OR d.lineage @> ARRAY[$1]) AND ($2 = '' OR d.id = $2) AND ($3 = '' OR d.name = $3)
    AND ($4::integer IS NULL OR cardinality(d.lineage) - 1 = $4)
    AND position(lower($5) IN lower(d.name)) > 0 AND ($6 = '' OR d.parent_id = $6)
ORDER BY d.path OFFSET $7 LIMIT $8
-- name: count_domains
SELECT count(*) FROM domains d
WHERE ($1 = '' OR d.lineage @> ARRAY[$1]) AND ($2 = '' OR d.id = $2) AND ($3 = '' OR d.name = $3)
    AND ($4::integer IS NULL OR cardinality(d.lineage) - 1 = $4)
    AND position(lower($5) IN lower(d.name)) > 0 AND ($6 = '' OR d.parent_id = $6)

-- name: lock_account
SELECT 1 FROM accounts WHERE id = $1 FOR UPDATE
-- name: make_account
INSERT INTO accounts (id, name, role, domain_id, network_domain, created)
VALUES ($1, $2, $3, $4, $5, stowage_now()) ON CONFLICT DO NOTHING
-- name: change_account
UPDATE accounts SET name = coalesce($2, name), role = coalesce($3, role),
    state = coalesce($4, state), network_domain = coalesce($5, network_domain)
WHERE id = $1
-- name: account_has_sinks
SELECT EXISTS (SELECT FROM sinks WHERE account_id = $1)
-- name: drop_account
WITH keys AS (DELETE FROM api_keys WHERE account_id = $1)
DELETE FROM accounts WHERE id = $1
-- name: accounts_page
-- Of accounts $1 (NULL: all), by id, name, role, state and keyword; oldest first.
SELECT a.*, d.name AS domain_name, d.path FROM accounts a JOIN domains d ON d.id = a.domain_id
WHERE ($1::text[] IS NULL OR a.id = ANY ($1)) AND ($2 = '' OR a.id = $2)
    AND ($3 = '' OR a.name = $3) AND ($4 = '' OR a.role = $4) AND ($5 = '' OR a.state = $5)
    AND position(lower($6) IN lower(a.name)) > 0
ORDER BY a.created, a.id OFFSET $7 LIMIT $8
-- name: count_accounts
SELECT count(*) FROM accounts a
WHERE ($1::text[] IS NULL OR a.id = ANY ($1)) AND ($2 = '' OR a.id = $2)
    AND ($3 = '' OR a.name = $3) AND ($4 = '' OR a.role = $4) AND ($5 = '' OR a.state = $5)
    AND position(lower($6) IN lower(a.name)) > 0
-- name: resources_of_accounts
-- How much of each noun each account has.
SELECT account_id, noun, count(*) AS count FROM resources
WHERE noun = ANY ($2::text[]) AND account_id = ANY ($1::text[]) AND NOT removed
    AND NOT coalesce((state ->> 'removed')::boolean, false)
GROUP BY account_id, noun

-- name: user
SELECT u.*, a.name AS account_name, a.role, a.domain_id
FROM users u JOIN accounts a ON a.id = u.account_id WHERE u.id = $1
-- name: user_named
SELECT 1 FROM users u JOIN accounts a ON a.id = u.account_id
WHERE u.name = $1 AND a.domain_id = $2 LIMIT 1
-- name: add_user
INSERT INTO users
    (id, account_id, name, password, first_name, last_name, email, timezone, created)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, stowage_now()) ON CONFLICT DO NOTHING
-- name: change_user
UPDATE users SET name = coalesce($2, name), password = coalesce($3, password),
    state = coalesce($4, state), first_name = coalesce($5, first_name),
    last_name = coalesce($6, last_name), email = coalesce($7, email),
    timezone = coalesce($8, timezone)
WHERE id = $1
-- name: drop_user
DELETE FROM users WHERE id = $1
-- name: users_page
-- Of accounts $1 (NULL: all), by id, name, account's role, state and keyword; oldest first.
SELECT u.*, a.name AS account_name, a.role, a.domain_id, d.name AS domain_name, d.path
FROM users u JOIN accounts a ON a.id = u.account_id JOIN domains d ON d.id = a.domain_id
WHERE ($1::text[] IS NULL OR a.id = ANY ($1)) AND ($2 = '' OR u.id = $2)
    AND ($3 = '' OR u.name = $3) AND ($4 = '' OR a.role = $4) AND ($5 = '' OR u.state = $5)
    AND position(lower($6) IN lower(u.name)) > 0
ORDER BY u.created, u.id OFFSET $7 LIMIT $8
-- name: count_users
SELECT count(*) FROM users u JOIN accounts a ON a.id = u.account_id
WHERE ($1::text[] IS NULL OR a.id = ANY ($1)) AND ($2 = '' OR u.id = $2)
    AND ($3 = '' OR u.name = $3) AND ($4 = '' OR a.role = $4) AND ($5 = '' OR u.state = $5)
    AND position(lower($6) IN lower(u.name)) > 0
-- name: users_of_accounts
SELECT u.*, a.name AS account_name, a.role, a.domain_id, d.name AS domain_name, d.path
FROM users u JOIN accounts a ON a.id = u.account_id JOIN domains d ON d.id = a.domain_id
WHERE a.id = ANY ($1::text[]) ORDER BY u.created, u.id LIMIT $2
-- name: user_of_key
SELECT user_id FROM api_keys WHERE key_hash = $1
-- name: drop_keys_of_user
DELETE FROM api_keys WHERE user_id = $1
-- name: has_keys
SELECT EXISTS (SELECT FROM api_keys WHERE user_id = $1)

-- name: login
-- Whoever of that name has a password in the domain.
SELECT u.id, u.password FROM users u JOIN accounts a ON a.id = u.account_id
WHERE u.name = $1 AND a.domain_id = $2 AND u.password IS NOT NULL LIMIT 1
-- name: try_login
-- One more try of $1, unless it is closed for now. From the $2nd in a row on it closes for longer
-- each time, at most $3 seconds; after $4 seconds of peace it begins anew.
INSERT INTO login_failures AS failure (tried, count, last, closed_until)
VALUES ($1, 1, stowage_now(), stowage_now())
ON CONFLICT (tried) DO UPDATE SET last = stowage_now(),
    count = CASE WHEN failure.last < stowage_now() - make_interval(secs => $4) THEN 1
        ELSE failure.count + 1 END,
    closed_until = CASE
        WHEN failure.last < stowage_now() - make_interval(secs => $4)
            OR failure.count + 1 < $2 THEN stowage_now()
        ELSE stowage_now() + make_interval(
            secs => least(power(2, least(failure.count + 1 - $2, 20)), $3)) END
WHERE failure.closed_until <= stowage_now()
RETURNING count
-- name: login_succeeded
DELETE FROM login_failures WHERE tried = $1
-- name: login_failures_old
DELETE FROM login_failures WHERE tried IN (
    SELECT tried FROM login_failures
    WHERE last < stowage_now() - make_interval(secs => $1) ORDER BY last LIMIT $2)
-- name: add_session
-- The user keeps its $5 newest.
WITH gone AS (DELETE FROM sessions WHERE id_hash IN (
    SELECT id_hash FROM sessions WHERE user_id = $3 ORDER BY created DESC OFFSET $5 - 1))
INSERT INTO sessions (id_hash, key_hash, user_id, created, expires)
VALUES ($1, $2, $3, stowage_now(), stowage_now() + make_interval(secs => $4))
-- name: session
SELECT key_hash, user_id FROM sessions WHERE id_hash = $1 AND expires > stowage_now()
-- name: prolong_session
-- Not at every request.
UPDATE sessions SET expires = stowage_now() + make_interval(secs => $2)
WHERE id_hash = $1 AND expires < stowage_now() + make_interval(secs => $2 * 0.95)
-- name: end_session
DELETE FROM sessions WHERE id_hash = $1
-- name: end_sessions_of_user
DELETE FROM sessions WHERE user_id = $1
-- name: end_sessions_of_account
DELETE FROM sessions USING users
WHERE users.id = sessions.user_id AND users.account_id = $1
-- name: sessions_old
DELETE FROM sessions WHERE id_hash IN (
    SELECT id_hash FROM sessions WHERE expires < stowage_now() ORDER BY expires LIMIT $1)

-- name: accounts_after
-- Of accounts $1 (NULL: all), newest first, after the last row of the page before.
SELECT a.*, d.path FROM accounts a JOIN domains d ON d.id = a.domain_id
WHERE ($1::text[] IS NULL OR a.id = ANY ($1))
    AND ($2::timestamptz IS NULL OR (a.created, a.id) < ($2, $3))
ORDER BY a.created DESC, a.id DESC LIMIT $4
-- name: domains_after
-- A domain ('': ROOT) and, where $2, all below; newest first.
SELECT * FROM domains
WHERE ($1 = '' OR id = $1 OR $2 AND lineage @> ARRAY[$1])
    AND ($3::timestamptz IS NULL OR (created, id) < ($3, $4))
ORDER BY created DESC, id DESC LIMIT $5
