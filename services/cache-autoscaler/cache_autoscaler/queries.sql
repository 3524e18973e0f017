-- name: add_store
INSERT INTO cache_stores
    (id, name, provider, scope_type, scope_id, zone_id, state, settings, sealed, probed, adopting)
VALUES ($1, $2, $3, $4, $5, $6, 'Adding', $7, $8, stowage_now(), $9) ON CONFLICT DO NOTHING
-- name: store
SELECT s.*, h.* FROM cache_stores s, LATERAL (
    SELECT coalesce(sum(size) FILTER (WHERE state IN ('ready', 'evicting')), 0)::bigint AS kept_bytes,
        coalesce(sum(size) FILTER (WHERE state IN ('reserved', 'filling')), 0)::bigint AS reserved_bytes
    FROM entries WHERE store_id = s.id) h
WHERE s.id = $1
-- name: place_alone
-- Serialises placement, also while there is no store yet: whoever holds it sees every reservation.
SELECT 1 FROM pg_advisory_xact_lock(hashtextextended('cache_autoscaler/placing', 0))
-- name: lock_stores
-- Stores are locked before their entries, everywhere; rows that only name a store may be added
-- meanwhile.
SELECT id FROM cache_stores ORDER BY id FOR NO KEY UPDATE
-- name: lock_store
SELECT id FROM cache_stores WHERE id = $1 FOR NO KEY UPDATE
-- name: stores
SELECT s.*, h.* FROM cache_stores s, LATERAL (
    SELECT coalesce(sum(size) FILTER (WHERE state IN ('ready', 'evicting')), 0)::bigint AS kept_bytes,
        coalesce(sum(size) FILTER (WHERE state IN ('reserved', 'filling')), 0)::bigint AS reserved_bytes
    FROM entries WHERE store_id = s.id) h
ORDER BY s.id
-- name: store_probed
UPDATE cache_stores SET state = $2, checks = $3, abilities = $4, total_bytes = $5, error = $7,
    foreign_bytes = greatest(0, coalesce($6::bigint, 0) - (
        SELECT coalesce(sum(size), 0) FROM entries WHERE store_id = $1)),
    probed = stowage_now()
WHERE id = $1
-- name: store_error
UPDATE cache_stores SET error = $2 WHERE id = $1
-- name: adopted
UPDATE cache_stores SET adopting = false WHERE id = $1
-- name: drop_store
DELETE FROM cache_stores WHERE id = $1
-- name: stores_to_probe
-- $1 seconds ago where nobody uses them, $2 where copies do, $3 where they fail.
SELECT id FROM cache_stores s WHERE state IN ('Up', 'Degraded') AND probed < stowage_now()
    - make_interval(secs => CASE WHEN state = 'Degraded' OR error IS NOT NULL THEN $3::float8
        WHEN EXISTS (SELECT FROM pins p JOIN entries e ON e.id = p.entry_id WHERE e.store_id = s.id)
        THEN least($1::float8, $2::float8) ELSE $1::float8 END)
-- name: drain_store
UPDATE cache_stores SET state = 'Draining', drained_by = stowage_now() + make_interval(secs => $2)
WHERE id = $1 AND state <> 'Draining'
-- name: stores_drained
-- Draining stores that hold nothing, or whose time is over.
SELECT s.id, s.drained_by <= stowage_now() AS overdue,
    (SELECT count(*) FROM entries e WHERE e.store_id = s.id) AS left_behind
FROM cache_stores s WHERE s.state = 'Draining' AND (s.drained_by <= stowage_now()
    OR NOT EXISTS (SELECT FROM entries e WHERE e.store_id = s.id)) FOR UPDATE OF s

-- name: host_gone
DELETE FROM hosts WHERE id = $1
-- name: host_roots
SELECT roots FROM hosts WHERE id = $1

-- name: add_entry
INSERT INTO entries (id, store_id, digest, format, object_kind, object_id, key, size, state,
    fill_copy, last_used, created)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'reserved', $9, stowage_now(), stowage_now())
-- name: store_of
SELECT store_id FROM entries WHERE id = $1
-- name: entry
SELECT * FROM entries WHERE id = $1 FOR UPDATE
-- name: entries_like
SELECT e.*, EXISTS (SELECT FROM pins p WHERE p.entry_id = e.id AND p.expires > stowage_now())
    AS pinned FROM entries e WHERE digest = $1 AND format = $2 ORDER BY e.id
-- name: entries_on
SELECT e.*, EXISTS (SELECT FROM pins p WHERE p.entry_id = e.id AND p.expires > stowage_now())
    AS pinned FROM entries e WHERE store_id = $1 ORDER BY e.id
-- name: totals
-- Bytes of entries by what may become of them.
SELECT store_id, sum(size)::bigint AS taken,
    coalesce(sum(size) FILTER (WHERE state = 'evicting'), 0)::bigint AS going,
    coalesce(sum(size) FILTER (WHERE state = 'ready' AND p.entry_id IS NULL
        AND (held_until IS NULL OR held_until <= stowage_now())), 0)::bigint AS evictable,
    coalesce(sum(size) FILTER (WHERE p.entry_id IS NOT NULL), 0)::bigint AS pinned,
    coalesce(sum(size) FILTER (WHERE held_until > stowage_now()), 0)::bigint AS held,
    coalesce(sum(size) FILTER (WHERE state IN ('reserved', 'filling')), 0)::bigint AS filling
FROM entries e LEFT JOIN (SELECT DISTINCT entry_id FROM pins WHERE expires > stowage_now()) p
    ON p.entry_id = e.id
GROUP BY store_id
-- name: entry_state
UPDATE entries SET state = $2 WHERE id = $1 AND state <> 'evicting'
-- name: entry_used
UPDATE entries SET hits = hits + 1, last_used = stowage_now() WHERE id = $1
-- name: drop_entry
DELETE FROM entries WHERE id = $1
-- name: drop_entries_of
DELETE FROM entries WHERE store_id = $1
-- name: entries_evicting
SELECT id FROM entries WHERE state = 'evicting'
-- name: fills_of
SELECT id FROM entries WHERE fill_copy = $1 AND state IN ('reserved', 'filling') FOR UPDATE
-- name: fills_dead
-- Being filled, but no copy holds them any more.
SELECT id, fill_copy FROM entries e WHERE state IN ('reserved', 'filling') AND NOT EXISTS (
    SELECT FROM pins p WHERE p.entry_id = e.id AND p.expires > stowage_now()) FOR UPDATE
-- name: idle_on_draining
SELECT e.id FROM entries e JOIN cache_stores s ON s.id = e.store_id
WHERE s.state = 'Draining' AND e.state = 'ready' AND NOT EXISTS (
    SELECT FROM pins p WHERE p.entry_id = e.id AND p.expires > stowage_now()) FOR UPDATE OF e

-- name: pin
INSERT INTO pins (entry_id, copy_id, expires)
VALUES ($1, $2, stowage_now() + make_interval(secs => $3))
ON CONFLICT (entry_id, copy_id) DO UPDATE SET expires = EXCLUDED.expires
-- name: pin_of
SELECT p.entry_id FROM pins p JOIN entries e ON e.id = p.entry_id
WHERE p.copy_id = $1 AND e.state <> 'evicting' ORDER BY p.expires DESC LIMIT 1
-- name: renew_pins
UPDATE pins SET expires = stowage_now() + make_interval(secs => $2) WHERE copy_id = $1
-- name: unpin
DELETE FROM pins WHERE entry_id = $1 AND copy_id = $2
-- name: unpin_copy
DELETE FROM pins WHERE copy_id = $1
-- name: drop_lapsed_pins
DELETE FROM pins WHERE expires <= stowage_now()

-- name: add_grant
INSERT INTO grants (id, entry_id, copy_id, writes, created) VALUES ($1, $2, $3, $4, stowage_now())
-- name: grant
SELECT * FROM grants WHERE id = $1 FOR UPDATE
-- name: grant_of
SELECT id FROM grants WHERE entry_id = $1 AND copy_id = $2 AND writes = $3 AND state <> 'revoked'
ORDER BY created LIMIT 1
-- name: grant_redeemed
UPDATE grants SET epoch = $2, writer = $3, session = $4 WHERE id = $1
-- name: grant_session
-- Keeps what a writer began, unless it lost the grant meanwhile or has begun already.
UPDATE grants SET session = $3
WHERE id = $1 AND writer = $2 AND state = 'active' AND session IN ('', $3)
-- name: grant_state
UPDATE grants SET state = $2 WHERE id = $1 AND state <> $2
-- name: writers_of
SELECT writer, session FROM grants WHERE entry_id = $1 AND writes AND writer <> ''
-- name: forget_grants
-- Read grants nobody's pin stands behind any more.
DELETE FROM grants g WHERE NOT writes AND created < stowage_now() - make_interval(secs => $1)
    AND NOT EXISTS (SELECT FROM pins p WHERE p.entry_id = g.entry_id AND p.copy_id = g.copy_id)

-- name: wait
INSERT INTO waits (copy_id, store_id, size, expires)
VALUES ($1, $2, $3, stowage_now() + make_interval(secs => $4))
ON CONFLICT (copy_id) DO UPDATE SET store_id = EXCLUDED.store_id, expires = EXCLUDED.expires
-- name: stop_waiting
WITH fleets AS (DELETE FROM fleet_waits WHERE copy_id = $1)
DELETE FROM waits WHERE copy_id = $1
-- name: drop_lapsed_waits
DELETE FROM waits WHERE expires <= stowage_now()

-- name: sample
INSERT INTO samples (store_id, host_id, bytes_per_second, streams, at)
SELECT id, $2, $3, $4, stowage_now() FROM cache_stores WHERE id = $1
ON CONFLICT (store_id, host_id) DO UPDATE SET bytes_per_second = EXCLUDED.bytes_per_second,
    streams = EXCLUDED.streams, at = EXCLUDED.at
-- name: forget_samples
DELETE FROM samples WHERE at < stowage_now() - make_interval(secs => $1)
-- name: loads
-- What each cache carries now ($1 seconds) and what waits for it.
SELECT s.id, s.high, s.shown_bytes_per_second,
    coalesce(l.bytes_per_second, 0) AS bytes_per_second, coalesce(l.streams, 0)::int AS streams,
    (SELECT coalesce(sum(size), 0) FROM entries e WHERE e.store_id = s.id
        AND e.state IN ('reserved', 'filling'))::bigint
    + (SELECT coalesce(sum(size), 0) FROM waits w WHERE w.store_id = s.id
        AND w.expires > stowage_now())::bigint AS backlog_bytes
FROM cache_stores s LEFT JOIN LATERAL (
    SELECT sum(bytes_per_second) AS bytes_per_second, sum(streams) AS streams FROM samples
    WHERE store_id = s.id AND at > stowage_now() - make_interval(secs => $1)) l ON true
ORDER BY s.id
-- name: load_seen
UPDATE cache_stores SET shown_bytes_per_second = $2, high = $3 WHERE id = $1

-- name: decide
INSERT INTO decisions (at, kind, subject, reason, details)
SELECT stowage_now(), $1, $2, $3, $4 WHERE NOT EXISTS (
    SELECT FROM (SELECT kind, reason FROM decisions WHERE subject = $2 ORDER BY id DESC LIMIT 1)
        AS last WHERE last.kind = $1 AND last.reason = $3)
-- name: forget_decisions
DELETE FROM decisions WHERE at < stowage_now() - make_interval(secs => $1)
