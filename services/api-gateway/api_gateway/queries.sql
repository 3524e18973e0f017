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
SELECT id, account_id, created FROM api_keys ORDER BY created, id

-- name: add_pending
-- What a caller just asked for, until its owner speaks; no row when the id is taken. A store that
-- was refused or removed leaves its id free: its owner keeps nothing of it.
INSERT INTO resources (noun, id, account_id, sequence, state, created, updated)
VALUES ($1, $2, $3, 0, $4, stowage_now(), stowage_now())
ON CONFLICT (noun, id) DO UPDATE SET state = EXCLUDED.state, removed = false,
    created = EXCLUDED.created, updated = EXCLUDED.updated
WHERE resources.noun = 'store' AND resources.state ->> 'state' = 'Removed'
-- name: put_pending
-- As add_pending of what a caller may also replace; its owner's next word wins.
INSERT INTO resources (noun, id, sequence, state, created, updated)
VALUES ($1, $2, 0, $3, stowage_now(), stowage_now())
ON CONFLICT (noun, id) DO UPDATE SET state = EXCLUDED.state, removed = false,
    updated = EXCLUDED.updated
-- name: project
-- Events ($1, in order): of each resource the newest sequence is kept, and what was news is told.
WITH told AS (
    SELECT * FROM ROWS FROM (jsonb_to_recordset($1::text::jsonb) AS (
        type text, about text, about_id text, seen_by text, body jsonb,
        noun text, id text, account_id text, sequence bigint, state jsonb, removed boolean
    )) WITH ORDINALITY AS row (type, about, about_id, seen_by, body,
        noun, id, account_id, sequence, state, removed, place)
), before AS (
    SELECT noun, id, sequence FROM resources
    WHERE (noun, id) IN (SELECT noun, id FROM told WHERE noun IS NOT NULL)
), kept AS (
    INSERT INTO resources (noun, id, account_id, sequence, state, removed, created, updated)
    SELECT DISTINCT ON (noun, id)
        noun, id, account_id, sequence, state, removed, stowage_now(), stowage_now()
    FROM told WHERE noun IS NOT NULL ORDER BY noun, id, sequence DESC, place
    ON CONFLICT (noun, id) DO UPDATE SET sequence = EXCLUDED.sequence, state = EXCLUDED.state,
        removed = EXCLUDED.removed, updated = EXCLUDED.updated, progressed = NULL, progress = NULL
    WHERE resources.sequence < EXCLUDED.sequence
    RETURNING noun, id
)
INSERT INTO feed (at, type, noun, subject_id, account_id, body)
SELECT stowage_now(), t.type, t.about, t.about_id, t.seen_by, t.body
FROM told AS t LEFT JOIN kept AS k USING (noun, id) LEFT JOIN before AS b USING (noun, id)
WHERE t.noun IS NULL
    OR k.noun IS NOT NULL AND (b.sequence IS NULL OR t.sequence > b.sequence)
ORDER BY t.place
-- name: progress
-- The newest figures ($1) of copies that move.
UPDATE resources AS r
SET state = jsonb_set(r.state, '{transfer}', news.body -> 'transfer'),
    progress = news.body, progressed = stowage_now()
FROM jsonb_array_elements($1::text::jsonb) AS news (body)
WHERE r.noun = 'copy' AND r.id = news.body ->> 'copy_id'
    AND r.state ->> 'state' IN ('planned', 'waiting', 'running')
-- name: progress_since
SELECT id, account_id, progress, progressed FROM resources
WHERE noun = 'copy' AND progressed > $1 ORDER BY progressed
-- name: unanswered
-- Copies whose owner has not said a word for so long: say so, whatever the reason.
UPDATE resources SET state = jsonb_set(state, '{waiting_for}', to_jsonb($2::text))
WHERE noun = 'copy' AND sequence = 0 AND state ->> 'state' = 'requested'
    AND created < stowage_now() - make_interval(secs => $1) AND state ->> 'waiting_for' = ''
-- name: refuse_pending
-- A copy its owner never heard of, refused before it became one.
UPDATE resources SET updated = stowage_now(), state = state || jsonb_build_object(
    'state', 'failed', 'error', $2::jsonb, 'finished', stowage_now())
WHERE noun = 'copy' AND id = $1 AND sequence = 0 RETURNING account_id, state
-- name: end_pending
-- Copies nobody had to carry: their store made them by itself.
WITH ended AS (
    UPDATE resources SET updated = stowage_now(), state = state || jsonb_build_object(
        'state', 'done', 'waiting_for', '', 'finished', stowage_now())
    WHERE noun = 'copy' AND id = ANY ($1::text[]) AND sequence = 0
        AND state ->> 'state' = 'requested'
    RETURNING id, account_id, state
)
INSERT INTO feed (at, type, noun, subject_id, account_id, body)
SELECT stowage_now(), 'CopyCompleted', 'copy', id, account_id, jsonb_build_object('state', state)
FROM ended
-- name: hide
UPDATE resources SET removed = true WHERE noun = $1 AND id = $2
-- name: resource
SELECT * FROM resources WHERE noun = $1 AND id = $2
-- name: page
-- Newest first; $2/$3 are the last row of the page before, and each state matches one of $4.
SELECT * FROM resources
WHERE noun = $1 AND NOT removed AND ($2::timestamptz IS NULL OR (created, id) < ($2, $3))
    AND state @> ANY ($4::jsonb[])
ORDER BY created DESC, id DESC LIMIT $5
-- name: page_of_account
-- As page, of what account $6 sees: a page of its own and one of what is everybody's, merged.
SELECT found.* FROM unnest(ARRAY['', $6]) AS seen (account_id) CROSS JOIN LATERAL (
    SELECT * FROM resources
    WHERE noun = $1 AND NOT removed AND account_id = seen.account_id
        AND ($2::timestamptz IS NULL OR (created, id) < ($2, $3)) AND state @> ANY ($4::jsonb[])
    ORDER BY created DESC, id DESC LIMIT $5) AS found
ORDER BY created DESC, id DESC LIMIT $5

-- name: provider
-- What the provider of that name asks for; names differ in more than case.
SELECT state FROM resources
WHERE noun = 'provider' AND NOT removed AND lower($1) IN (lower(id), lower(state ->> 'name')) LIMIT 1

-- name: add_link
INSERT INTO links (id, account_id, kind, object_id, file_name, made, expires)
VALUES ($1, $2, $3, $4, $5, stowage_now(), $6)
-- name: link
SELECT * FROM links WHERE id = $1 AND ($2 = '' OR account_id = $2)
-- name: revoke_link
UPDATE links SET revoked = stowage_now() WHERE id = $1 AND revoked IS NULL
-- name: links
SELECT * FROM links
WHERE ($1 = '' OR account_id = $1) AND ($2::timestamptz IS NULL OR (made, id) < ($2, $3))
ORDER BY made DESC, id DESC LIMIT $4
-- name: links_old
DELETE FROM links WHERE id IN (
    SELECT id FROM links WHERE expires < stowage_now() - make_interval(secs => $1)
    ORDER BY expires LIMIT $2)

-- name: add_token
INSERT INTO join_tokens (host_id, token_hash, expires) VALUES ($1, $2, $3)
ON CONFLICT (host_id) DO UPDATE SET token_hash = EXCLUDED.token_hash, expires = EXCLUDED.expires,
    used = NULL
-- name: use_token
-- Works once; a new token has not been used.
UPDATE join_tokens SET used = stowage_now()
WHERE host_id = $1 AND token_hash = $2 AND used IS NULL AND expires > stowage_now()
-- name: unuse_token
UPDATE join_tokens SET used = NULL WHERE host_id = $1 AND token_hash = $2

-- name: one_at_a_time
-- Requests with one idempotency key wait for each other.
SELECT 1 FROM pg_advisory_xact_lock(hashtextextended('idempotency/' || $1, 0))
-- name: replay
SELECT request_hash, reply, status FROM idempotency WHERE account_id = $1 AND key = $2
-- name: remember
INSERT INTO idempotency (account_id, key, request_hash, reply, status, created)
VALUES ($1, $2, $3, $4, $5, stowage_now())
-- name: idempotency_old
DELETE FROM idempotency WHERE (account_id, key) IN (
    SELECT account_id, key FROM idempotency
    WHERE created < stowage_now() - make_interval(secs => $1) ORDER BY created LIMIT $2)

-- name: add_feed
INSERT INTO feed (at, type, noun, subject_id, account_id, body)
VALUES (stowage_now(), $1, $2, $3, $4, $5)
-- name: feed_after
-- In the order of transactions, and only those that no older one can still join: a position once
-- shown has nothing before it that is shown later. Foreign transactions hold it up only so long.
SELECT * FROM feed
WHERE (tx, id) > ($1, $2)
    AND (tx < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
        OR at < stowage_now() - interval '3 seconds')
    AND ($4 = '' OR noun = $4) AND ($5 = '' OR subject_id = $5)
    AND ($6 = '' OR account_id IN ('', $6))
ORDER BY tx, id LIMIT $3
-- name: feed_end
SELECT tx, id FROM feed
WHERE tx < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
    OR at < stowage_now() - interval '3 seconds'
ORDER BY tx DESC, id DESC LIMIT 1
-- name: feed_old
-- Too old, or brought here by a restore from a server that had counted further.
DELETE FROM feed WHERE (tx, id) IN (
    SELECT tx, id FROM feed
    WHERE at < stowage_now() - make_interval(secs => $1) ORDER BY at LIMIT $2)
    OR tx > pg_current_xact_id()::text::bigint
