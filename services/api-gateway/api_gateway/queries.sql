-- name: add_account
INSERT INTO accounts (id, name, admin, created) VALUES ($1, $2, $3, stowage_now())
ON CONFLICT DO NOTHING
-- name: account
SELECT * FROM accounts WHERE id = $1
-- name: add_key
INSERT INTO api_keys (id, account_id, key_hash, sealed_secret, created)
VALUES ($1, $2, $3, $4, stowage_now()) ON CONFLICT DO NOTHING
-- name: account_of_key
SELECT a.* FROM accounts a JOIN api_keys k ON k.account_id = a.id WHERE k.key_hash = $1
-- name: drop_key
DELETE FROM api_keys WHERE id = $1
-- name: keys
SELECT id, account_id, created FROM api_keys ORDER BY created

-- name: add_pending
-- What a caller just asked for, until its owner speaks.
INSERT INTO resources (noun, id, account_id, sequence, state, created, updated)
VALUES ($1, $2, $3, 0, $4, stowage_now(), stowage_now())
-- name: project
-- Keeps the newest sequence; tells whether this one was news.
INSERT INTO resources (noun, id, account_id, sequence, state, removed, created, updated)
VALUES ($1, $2, $3, $4, $5, $6, stowage_now(), stowage_now())
ON CONFLICT (noun, id) DO UPDATE SET sequence = EXCLUDED.sequence, state = EXCLUDED.state,
    removed = EXCLUDED.removed, updated = EXCLUDED.updated
WHERE resources.sequence < EXCLUDED.sequence
-- name: progress
UPDATE resources SET state = jsonb_set(state, '{transfer}', $2), updated = stowage_now()
WHERE noun = 'copy' AND id = $1 AND state->>'state' IN ('planned', 'waiting', 'running')
RETURNING account_id
-- name: refuse_pending
-- A copy its owner never heard of, refused before it became one.
UPDATE resources SET state = state || jsonb_build_object('state', 'failed', 'error', $2::jsonb),
    updated = stowage_now()
WHERE noun = 'copy' AND id = $1 AND sequence = 0
-- name: resource
SELECT * FROM resources WHERE noun = $1 AND id = $2
-- name: page
-- Newest first; $2 is an account or '' for all, $3/$4 the last row of the page before.
SELECT * FROM resources
WHERE noun = $1 AND NOT removed AND ($2 = '' OR account_id IN ('', $2))
    AND ($3::timestamptz IS NULL OR (created, id) < ($3, $4)) AND state @> $5::jsonb
ORDER BY created DESC, id DESC LIMIT $6

-- name: add_token
INSERT INTO join_tokens (host_id, token_hash, expires) VALUES ($1, $2, $3)
ON CONFLICT (host_id) DO UPDATE SET token_hash = EXCLUDED.token_hash, expires = EXCLUDED.expires,
    used = NULL
-- name: use_token
-- Works once; NULL used again is a new token.
UPDATE join_tokens SET used = stowage_now()
WHERE host_id = $1 AND token_hash = $2 AND used IS NULL AND expires > stowage_now()
-- name: unuse_token
UPDATE join_tokens SET used = NULL WHERE host_id = $1 AND token_hash = $2

-- name: replay
SELECT request_hash, reply FROM idempotency WHERE account_id = $1 AND key = $2
-- name: remember
INSERT INTO idempotency (account_id, key, request_hash, reply, created)
VALUES ($1, $2, $3, $4, stowage_now())
-- name: idempotency_old
DELETE FROM idempotency WHERE created < stowage_now() - make_interval(secs => $1)

-- name: add_feed
INSERT INTO feed (at, type, noun, subject_id, account_id, body)
VALUES (stowage_now(), $1, $2, $3, $4, $5) RETURNING id
-- name: feed_after
SELECT * FROM feed WHERE id > $1 ORDER BY id LIMIT $2
-- name: feed_end
SELECT coalesce(max(id), 0) FROM feed
-- name: feed_old
DELETE FROM feed WHERE at < stowage_now() - make_interval(secs => $1)
-- name: notify
SELECT pg_notify('stowage_feed', $1)
