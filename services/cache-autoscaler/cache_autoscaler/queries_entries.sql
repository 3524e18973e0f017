-- What is asked and told of single entries: filled, held, listed, lost.

-- name: entry_filling
UPDATE entries SET state = 'filling', filling_since = coalesce(filling_since, stowage_now())
WHERE id = $1 AND state IN ('reserved', 'filling')
-- name: entry_ready
-- Its hold begins now; how long its fill took is what losing it would cost.
UPDATE entries SET state = 'ready',
    fill_seconds = coalesce(fill_seconds, extract(epoch FROM stowage_now() - filling_since)),
    held_until = CASE WHEN hold_seconds > 0
        THEN greatest(held_until, stowage_now() + make_interval(secs => hold_seconds))
        ELSE held_until END
WHERE id = $1 AND state <> 'evicting'
-- name: entry_wanted_for
-- A prefetch: from when it is ready it is held for so long; a longer hold stays.
UPDATE entries SET hold_seconds = greatest(hold_seconds, $2),
    held_until = CASE WHEN state = 'ready'
        THEN greatest(held_until, stowage_now() + make_interval(secs => $2)) ELSE held_until END
WHERE id = $1
-- name: hold_entry
UPDATE entries SET held_until = $2, hold_seconds = 0 WHERE id = $1 AND state <> 'evicting'
-- name: adopt_entry
INSERT INTO entries (id, store_id, digest, format, object_kind, object_id, key, size, state,
    fill_copy, last_used, created)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, 'ready', '', stowage_now(), stowage_now()
WHERE NOT EXISTS (SELECT FROM entries WHERE store_id = $2 AND key = $7)
ON CONFLICT DO NOTHING
-- name: list_entries
SELECT e.*, ARRAY(SELECT copy_id FROM pins p WHERE p.entry_id = e.id
    AND p.expires > stowage_now() ORDER BY copy_id) AS pinned_by
FROM entries e WHERE ($1::text IS NULL OR store_id = $1) AND ($2::text IS NULL OR id = $2)
    AND ($3::text IS NULL OR id > $3)
ORDER BY id LIMIT $4
-- name: pinned_by
SELECT copy_id FROM pins WHERE entry_id = $1 AND expires > stowage_now() ORDER BY copy_id
-- name: pinned_on
-- What a copy holds on one store.
SELECT e.id, e.state FROM pins p JOIN entries e ON e.id = p.entry_id
WHERE p.copy_id = $1 AND e.store_id = $2
-- name: read_by
-- Entries that a copy was given to read; what it filled itself was read too.
SELECT e.size FROM pins p JOIN entries e ON e.id = p.entry_id
WHERE p.copy_id = $1 AND e.state = 'ready'

-- name: add_loss
INSERT INTO losses (store_id, digest, format, why, at)
SELECT store_id, digest, format, $2, stowage_now() FROM entries WHERE id = $1
-- name: lost_lately
SELECT EXISTS (SELECT FROM losses WHERE digest = $1 AND format = $2)
-- name: damages
SELECT store_id, count(*)::int AS times FROM losses
WHERE digest = $1 AND format = $2 AND why = 'damaged' GROUP BY store_id
-- name: forget_losses
DELETE FROM losses WHERE at < stowage_now() - make_interval(secs => $1)

-- name: list_decisions
SELECT at, kind, subject, reason, details FROM decisions
WHERE ($1 = '' OR subject = $1) ORDER BY id DESC LIMIT $2

-- name: entries_held
-- What there is, for the metrics.
SELECT s.name AS store, e.state, count(*)::int AS entries, sum(e.size)::bigint AS bytes,
    coalesce(sum(e.size) FILTER (WHERE e.held_until > stowage_now()), 0)::bigint AS held,
    coalesce(sum(e.size) FILTER (WHERE EXISTS (SELECT FROM pins p WHERE p.entry_id = e.id
        AND p.expires > stowage_now())), 0)::bigint AS pinned
FROM entries e JOIN cache_stores s ON s.id = e.store_id GROUP BY s.name, e.state
