-- name: add_sink
-- No row when the id is taken.
INSERT INTO sinks (id, account_id, name, kind, format, target, sealed, options, filters, paused,
    created, updated, at_tx, at_id, gap_tx, gap_id)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, stowage_now(), stowage_now(), $11, $12,
    trimmed.tx, trimmed.id
FROM feed_trimmed AS trimmed
ON CONFLICT DO NOTHING
-- name: sink
SELECT * FROM sinks WHERE id = $1 AND ($2::text[] IS NULL OR account_id = ANY ($2))
-- name: sink_of
-- To change it: whoever delivers for it now notices.
SELECT * FROM sinks WHERE id = $1 AND ($2::text[] IS NULL OR account_id = ANY ($2)) FOR UPDATE
-- name: sinks
SELECT * FROM sinks
WHERE ($1::text[] IS NULL OR account_id = ANY ($1)) AND ($2::timestamptz IS NULL OR (created, id) < ($2, $3))
ORDER BY created DESC, id DESC LIMIT $4
-- name: count_sinks
SELECT count(*) FROM sinks WHERE account_id = $1
-- name: change_sink
UPDATE sinks SET name = $2, target = $3, sealed = $4, options = $5, filters = $6, paused = $7,
    failures = CASE WHEN $7 THEN failures ELSE 0 END,
    generation = generation + 1, updated = stowage_now()
WHERE id = $1
-- name: move_sink
-- Go on after another position; what was forgotten before it is no gap.
UPDATE sinks SET at_tx = $2, at_id = $3, gap_tx = trimmed.tx, gap_id = trimmed.id, failures = 0,
    generation = generation + 1, updated = stowage_now()
FROM feed_trimmed AS trimmed WHERE sinks.id = $1
-- name: drop_sink
DELETE FROM sinks WHERE id = $1
-- name: position_at
-- The last event before a time.
SELECT tx, id FROM feed WHERE (tx, id) < (
    SELECT tx, id FROM feed WHERE at >= $1 ORDER BY tx, id LIMIT 1)
ORDER BY tx DESC, id DESC LIMIT 1
-- name: any_since
SELECT EXISTS (SELECT FROM feed WHERE at >= $1)
-- name: claim_sinks
-- Leases to gateway $1, for $2 seconds, the sinks it has and those that nobody has; $3 at most.
UPDATE sinks SET owner = $1, leased_until = stowage_now() + make_interval(secs => $2)
FROM (
    SELECT id FROM sinks
    WHERE NOT paused AND (owner = $1 OR leased_until IS NULL OR leased_until < stowage_now())
    ORDER BY owner <> $1, id LIMIT $3 FOR UPDATE
) AS free, accounts
WHERE sinks.id = free.id AND accounts.id = sinks.account_id AND accounts.state = 'enabled'
RETURNING sinks.*
-- name: leave_sinks
UPDATE sinks SET owner = '', leased_until = NULL WHERE owner = $1
-- name: sink_now
-- How it stands with a sink its gateway delivers for; no row once that is another's business.
SELECT sinks.at_tx, sinks.at_id, failures,
    trimmed.tx AS trimmed_tx, trimmed.id AS trimmed_id,
    (trimmed.tx, trimmed.id) > (sinks.at_tx, sinks.at_id)
        AND (trimmed.tx, trimmed.id) > (gap_tx, gap_id) AS gap
FROM sinks JOIN accounts ON accounts.id = account_id, feed_trimmed AS trimmed
WHERE sinks.id = $1 AND owner = $2 AND generation = $3 AND NOT paused
    AND leased_until > stowage_now() AND accounts.state = 'enabled'
-- name: seen_by_account
-- Accounts whose things an account sees: its own, a domain admin's subtree; NULL for all.
SELECT CASE a.role WHEN 'root_admin' THEN NULL WHEN 'domain_admin' THEN ARRAY[a.id] || ARRAY(
    SELECT o.id FROM accounts o JOIN domains d ON d.id = o.domain_id
    WHERE d.lineage @> ARRAY[a.domain_id]) ELSE ARRAY[a.id] END
FROM accounts a WHERE a.id = $1
-- name: sink_events
-- As feed_after, of what sink wants: $5 whose things it sees (NULL: all), $6 nouns, $7 types, $8 of account.
SELECT * FROM feed
WHERE (tx, id) > ($1, $2) AND tx < $3
    AND ($5::text[] IS NULL OR account_id = '' OR account_id = ANY ($5))
    AND (cardinality($6::text[]) = 0 OR noun = ANY ($6))
    AND (cardinality($7::text[]) = 0 OR type = ANY ($7))
    AND ($8 = '' OR account_id = $8)
ORDER BY tx, id LIMIT $4
-- name: sink_lag
-- Events it wants and has not taken, up to $8, and the age of the oldest.
SELECT count(*) AS events, coalesce(extract(epoch FROM stowage_now() - min(at)), 0)::float8 AS seconds
FROM (
    SELECT at FROM feed
    WHERE (tx, id) > ($1, $2) AND tx < $3
        AND ($4::text[] IS NULL OR account_id = '' OR account_id = ANY ($4))
        AND (cardinality($5::text[]) = 0 OR noun = ANY ($5))
        AND (cardinality($6::text[]) = 0 OR type = ANY ($6))
        AND ($7 = '' OR account_id = $7)
    ORDER BY tx, id LIMIT $8) AS left_over
-- name: sink_advanced
-- $4/$5 is where it stands now, $6 how many events it took on the way.
UPDATE sinks SET at_tx = $4, at_id = $5, delivered = delivered + $6,
    delivered_at = CASE WHEN $6 > 0 THEN stowage_now() ELSE delivered_at END,
    failures = CASE WHEN $6 > 0 THEN 0 ELSE failures END
WHERE id = $1 AND owner = $2 AND generation = $3
-- name: sink_failed
UPDATE sinks SET failures = failures + 1, error = $4, failed_at = stowage_now()
WHERE id = $1 AND owner = $2 AND generation = $3
-- name: sink_gap_told
UPDATE sinks SET gap = $4, gap_tx = $5, gap_id = $6
WHERE id = $1 AND owner = $2 AND generation = $3
