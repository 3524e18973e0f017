-- name: add_account
-- With its first user, who has the same id; in domain ROOT.
WITH made AS (
    INSERT INTO accounts (id, name, role, created)
    VALUES ($1, $2, CASE WHEN $3 THEN 'root_admin' ELSE 'user' END, stowage_now())
    ON CONFLICT DO NOTHING RETURNING id, name, created
)
INSERT INTO users (id, account_id, name, created) SELECT id, id, name, created FROM made
-- name: account
SELECT * FROM accounts WHERE id = $1
-- name: add_key
-- Of user $2.
INSERT INTO api_keys (id, account_id, user_id, key_hash, sealed_secret, created)
SELECT $1, account_id, id, $3, $4, stowage_now() FROM users WHERE id = $2 ON CONFLICT DO NOTHING
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
-- name: told
-- What the feed has of each subject, and whether something is held of it; locked until commit. The
-- row itself says so: a subquery would not see what was committed while this waited for the lock.
INSERT INTO told (source, subject)
SELECT * FROM unnest($1::text[], $2::text[]) AS wanted (source, subject) ORDER BY source, subject
ON CONFLICT (source, subject) DO UPDATE SET number = told.number
RETURNING source, subject, number, condition, waits
-- name: take_held
WITH nothing AS (
    UPDATE told SET waits = false FROM unnest($1::text[], $2::text[]) AS wanted (source, subject)
    WHERE told.source = wanted.source AND told.subject = wanted.subject
)
DELETE FROM held WHERE (source, subject) IN (
    SELECT * FROM unnest($1::text[], $2::text[]) AS wanted (source, subject))
RETURNING source, subject, number, event
-- name: hold
-- Each keeps the time since when it is held.
WITH waiting AS (
    UPDATE told SET waits = true
    FROM jsonb_array_elements($1::text::jsonb) AS event
    WHERE told.source = event ->> 'source' AND told.subject = event ->> 'subject'
)
INSERT INTO held (source, subject, number, since, event)
SELECT event ->> 'source', event ->> 'subject', (event ->> 'number')::bigint,
    coalesce((event -> 'event' ->> 'since')::timestamptz, stowage_now()),
    jsonb_set(event, '{event,since}',
        coalesce(event -> 'event' -> 'since', to_jsonb(stowage_now())))
FROM jsonb_array_elements($1::text::jsonb) AS event
ON CONFLICT DO NOTHING
-- name: held_too_long
SELECT source, subject FROM held WHERE since < stowage_now() - make_interval(secs => $1)
GROUP BY source, subject ORDER BY min(since) LIMIT $2
-- name: project
-- Events ($1, in order): of each resource the newest sequence is kept. Told is what is counted, in
-- its turn; and of the rest what was news. Events of a subject lie one behind the other whatever
-- transaction each is written by.
WITH said AS (
    SELECT * FROM ROWS FROM (jsonb_to_recordset($1::text::jsonb) AS (
        type text, about text, about_id text, seen_by text, body jsonb,
        noun text, id text, account_id text, sequence bigint, state jsonb, removed boolean,
        source text, subject text, number bigint, tell boolean, was text, condition text,
        message_id text, said timestamptz, traceparent text, correlation text, causation text
    )) WITH ORDINALITY AS row (type, about, about_id, seen_by, body,
        noun, id, account_id, sequence, state, removed,
        source, subject, number, tell, was, condition,
        message_id, said, traceparent, correlation, causation, place)
), before AS (
    SELECT noun, id, sequence FROM resources
    WHERE (noun, id) IN (SELECT noun, id FROM said WHERE noun IS NOT NULL)
), kept AS (
    INSERT INTO resources (noun, id, account_id, sequence, state, removed, created, updated)
    SELECT DISTINCT ON (noun, id)
        noun, id, account_id, sequence, state, removed, stowage_now(), stowage_now()
    FROM said WHERE noun IS NOT NULL ORDER BY noun, id, sequence DESC, place
    ON CONFLICT (noun, id) DO UPDATE SET sequence = EXCLUDED.sequence, state = EXCLUDED.state,
        removed = EXCLUDED.removed, updated = EXCLUDED.updated, progressed = NULL, progress = NULL
    WHERE resources.sequence < EXCLUDED.sequence
    RETURNING noun, id
), last AS (
    SELECT DISTINCT ON (source, subject) source, subject, number, condition
    FROM said WHERE tell AND number > 0 ORDER BY source, subject, number DESC
), placed AS (
    UPDATE told SET number = greatest(told.number, last.number),
        condition = coalesce(nullif(last.condition, ''), told.condition),
        tx = CASE WHEN told.tx < pg_snapshot_xmax(pg_current_snapshot())::text::bigint
            THEN greatest(told.tx, pg_current_xact_id()::text::bigint)
            ELSE pg_current_xact_id()::text::bigint END
    FROM last WHERE told.source = last.source AND told.subject = last.subject
    RETURNING told.source, told.subject, told.tx
)
INSERT INTO feed (tx, at, type, noun, subject_id, account_id, body, message_id, source, sequence,
    said, traceparent, correlation, causation, was)
SELECT coalesce(p.tx, pg_current_xact_id()::text::bigint), stowage_now(), s.type, s.about,
    s.about_id, s.seen_by, s.body, s.message_id, s.source,
    CASE WHEN s.number > 0 THEN s.number ELSE s.sequence END,
    s.said, s.traceparent, s.correlation, s.causation, s.was
FROM said AS s LEFT JOIN kept AS k USING (noun, id) LEFT JOIN before AS b USING (noun, id)
    LEFT JOIN placed AS p ON s.number > 0 AND p.source = s.source AND p.subject = s.subject
WHERE s.tell AND (s.number > 0 OR s.noun IS NULL
    OR k.noun IS NOT NULL AND (b.sequence IS NULL OR s.sequence > b.sequence))
ORDER BY s.place
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
INSERT INTO feed (at, type, noun, subject_id, account_id, body, message_id, source, sequence)
SELECT stowage_now(), 'CopyCompleted', 'copy', id, account_id, jsonb_build_object('state', state),
    'CopyCompleted.copy.' || id, 'api-gateway', 1
FROM ended
-- name: hide
UPDATE resources SET removed = true WHERE noun = $1 AND id = $2
-- name: resource
SELECT * FROM resources WHERE noun = $1 AND id = $2

-- name: provider
-- What the provider of that name asks for; names differ in more than case.
SELECT state FROM resources
WHERE noun = 'provider' AND NOT removed AND lower($1) IN (lower(id), lower(state ->> 'name')) LIMIT 1

-- name: add_link
INSERT INTO links (id, account_id, kind, object_id, file_name, made, expires)
VALUES ($1, $2, $3, $4, $5, stowage_now(), $6)
-- name: link
SELECT * FROM links WHERE id = $1 AND ($2::text[] IS NULL OR account_id = ANY ($2))
-- name: revoke_link
UPDATE links SET revoked = stowage_now() WHERE id = $1 AND revoked IS NULL
-- name: links
SELECT * FROM links
WHERE $2::timestamptz IS NULL OR (made, id) < ($2, $3) ORDER BY made DESC, id DESC LIMIT $1
-- name: links_of_accounts
-- As links, of accounts $4: a page of each, merged.
SELECT found.* FROM unnest($4::text[]) AS seen (account_id) CROSS JOIN LATERAL (
    SELECT * FROM links
    WHERE account_id = seen.account_id AND ($2::timestamptz IS NULL OR (made, id) < ($2, $3))
    ORDER BY made DESC, id DESC LIMIT $1) AS found
ORDER BY made DESC, id DESC LIMIT $1
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
-- The gateway's own word, once of each type and subject.
INSERT INTO feed (at, type, noun, subject_id, account_id, body, message_id, source, sequence)
VALUES (stowage_now(), $1, $2, $3, $4, $5, concat_ws('.', $1::text, $2::text, $3::text),
    'api-gateway', 1)
-- name: feed_horizon
-- Every transaction of this role before that number has ended; others write no events. A backend
-- tells the lower half of its transaction's number.
SELECT least(snap.next, min(snap.next - behind)) FROM (
    SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next) AS snap
LEFT JOIN LATERAL (
    SELECT mod(mod(snap.next, 4294967296) - backend_xid::text::bigint + 4294967296, 4294967296)
        AS behind
    FROM pg_stat_activity
    WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()
        AND datname = current_database() AND usename = session_user
) AS running ON behind < 2147483648
GROUP BY snap.next
-- name: feed_after
-- In the order of transactions, and only those before the horizon ($7), which no older one can still
-- join: a position once shown has nothing before it that is shown later.
SELECT * FROM feed
WHERE (tx, id) > ($1, $2) AND tx < $7
    AND ($4 = '' OR noun = $4) AND ($5 = '' OR subject_id = $5)
    AND ($6::text[] IS NULL OR account_id = '' OR account_id = ANY ($6))
ORDER BY tx, id LIMIT $3
-- name: feed_end
SELECT tx, id FROM feed WHERE tx < $1 ORDER BY tx DESC, id DESC LIMIT 1
-- name: feed_old
-- Too old, unless a sink still wants it ($3: but no longer than that), or brought here by a restore
-- from a server that had counted further.
WITH wanted AS (
    SELECT at_tx, at_id FROM sinks ORDER BY at_tx, at_id LIMIT 1
), gone AS (
    DELETE FROM feed WHERE (tx, id) IN (
        SELECT tx, id FROM feed
        WHERE at < stowage_now() - make_interval(secs => $1)
            AND (at < stowage_now() - make_interval(secs => $3)
                OR NOT EXISTS (SELECT FROM wanted WHERE (feed.tx, feed.id) > (at_tx, at_id)))
        ORDER BY at LIMIT $2)
        OR tx > pg_current_xact_id()::text::bigint
    RETURNING tx, id
), last AS (
    SELECT tx, id FROM gone WHERE tx <= pg_current_xact_id()::text::bigint
    ORDER BY tx DESC, id DESC LIMIT 1
)
UPDATE feed_trimmed SET tx = last.tx, id = last.id
FROM last WHERE (feed_trimmed.tx, feed_trimmed.id) < (last.tx, last.id)
