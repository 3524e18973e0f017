-- Rows travel as jsonb in both directions: a record's fields are its table's columns.
-- Who changes a copy, its askers or its hops holds the lock on the copy's row.

-- name: live_twin
SELECT id FROM copies
WHERE source_key = $1 AND destination_key = $2
    AND state IN ('requested', 'planned', 'waiting', 'running', 'paused')

-- name: save_job
-- What changed of copies ($1), their askers ($2) and their hops ($3), in one round trip.
WITH changed AS (
    UPDATE copies AS c
    SET (state, priority, strategy, answers, plan, waiting_for, cancelling, paused,
        bytes_per_second, timeline, transfer, signalled, digest, error, deadline, finished,
        awaits_cache, avoids, restaged)
        = (n.state, n.priority, n.strategy, n.answers, n.plan, n.waiting_for, n.cancelling,
        n.paused, n.bytes_per_second, n.timeline, n.transfer, n.signalled, n.digest, n.error,
        n.deadline, n.finished, n.awaits_cache, n.avoids, n.restaged)
    FROM jsonb_populate_recordset(NULL::copies, $1::text::jsonb) AS n WHERE c.id = n.id
), asking AS (
    INSERT INTO askers SELECT * FROM jsonb_populate_recordset(NULL::askers, $2::text::jsonb)
    ON CONFLICT (id) DO UPDATE SET state = excluded.state
)
INSERT INTO hops AS h SELECT * FROM jsonb_populate_recordset(NULL::hops, $3::text::jsonb)
ON CONFLICT (id) DO UPDATE
SET (state, host_id, boot_id, endpoint_reason, epoch, generation, attempts, excluded, avoided,
    method, preferred, slots, blocked_on, retry_at, lease_until, unreachable_since, deadline,
    nudge_at,
    bytes_best, bytes_at, transfer, journaled, receipt, error, due, fed_by, yielding, yields_to,
    ordinal, source, cache_reason, must_run_on)
    = (excluded.state, excluded.host_id, excluded.boot_id, excluded.endpoint_reason,
    excluded.epoch, excluded.generation, excluded.attempts, excluded.excluded, excluded.avoided,
    excluded.method, excluded.preferred, excluded.slots, excluded.blocked_on, excluded.retry_at,
    excluded.lease_until, excluded.unreachable_since, excluded.deadline, excluded.nudge_at,
    excluded.bytes_best, excluded.bytes_at, excluded.transfer, excluded.journaled,
    excluded.receipt, excluded.error, excluded.due,
    excluded.fed_by, excluded.yielding, excluded.yields_to,
    excluded.ordinal, excluded.source, excluded.cache_reason, excluded.must_run_on)

-- name: lock_scheduling
-- No row, and no lock, when nothing waits; who makes a hop wait meanwhile schedules it.
SELECT one FROM scheduling
WHERE EXISTS (SELECT FROM hops WHERE state = 'pending' AND retry_at <= stowage_now())
FOR UPDATE

-- name: candidates
-- Pending hops that may find a slot: $1 slots per store, $2 per zone, $3 per account, at most
-- $5 rows. Below priority 0 one slot of each that has $4 or more is left to others.
-- Highest priority first, then accounts with the fewest hops running, then the oldest.
WITH used AS (
    SELECT slot, count(*) AS hops FROM hops, unnest(slots) AS slot
    WHERE state IN ('offered', 'moving', 'verified', 'committing') GROUP BY slot
), known AS (
    SELECT slot, hops, CASE split_part(slot, ':', 1)
        WHEN 'host' THEN coalesce((abilities ->> 'slots')::integer, 1)
        WHEN 'store' THEN $1::integer WHEN 'account' THEN $3::integer ELSE $2::integer END AS most
    FROM used LEFT JOIN agents ON slot = 'host:' || host_id
), taken AS (
    SELECT coalesce(array_agg(slot) FILTER (WHERE hops >= most), '{}') AS slots,
        coalesce(array_agg(slot) FILTER (
            WHERE hops >= most - (most >= $4::integer)::integer), '{}') AS for_backups
    FROM known
), busy AS (
    SELECT c.account_id, count(*) AS hops FROM hops AS h JOIN copies AS c ON c.id = h.copy_id
    WHERE h.state IN ('offered', 'moving', 'verified', 'committing') GROUP BY c.account_id
)
SELECT h.id, h.copy_id, c.account_id, c.priority, c.created, h.blocked_on,
    coalesce(b.hops, 0) AS busy
FROM hops AS h JOIN copies AS c ON c.id = h.copy_id
LEFT JOIN busy AS b ON b.account_id = c.account_id
WHERE h.state = 'pending' AND h.retry_at <= stowage_now()
    AND (h.blocked_on IS NULL
        OR NOT h.blocked_on <@
            (SELECT CASE WHEN c.priority < 0 THEN for_backups ELSE slots END FROM taken))
ORDER BY c.priority DESC, coalesce(b.hops, 0), c.created, c.id
LIMIT $5 FOR UPDATE OF c SKIP LOCKED

-- name: fleet
-- What placing depends on: agents, stores, and how many hops hold each slot.
SELECT
    (SELECT jsonb_agg(to_jsonb(a) ORDER BY host_id) FROM agents AS a) AS agents,
    (SELECT jsonb_agg(to_jsonb(s)) FROM stores AS s
        WHERE removed IS NULL OR removed > stowage_now() - interval '1 hour') AS stores,
    (SELECT jsonb_object_agg(slot, hops) FROM (
        SELECT slot, count(*) AS hops FROM hops, unnest(slots) AS slot
        WHERE state IN ('offered', 'moving', 'verified', 'committing') GROUP BY slot
    ) AS u) AS used

-- name: unblock
-- A new agent may take what no slot was free for.
UPDATE hops SET blocked_on = NULL WHERE id IN (
    SELECT h.id FROM hops AS h JOIN copies AS c ON c.id = h.copy_id
    WHERE h.state = 'pending' AND h.blocked_on IS NOT NULL FOR UPDATE OF c SKIP LOCKED
)

-- name: save_agent
INSERT INTO agents SELECT * FROM jsonb_populate_record(NULL::agents, $1)
ON CONFLICT (host_id) DO UPDATE SET location = excluded.location,
    abilities = excluded.abilities, boot_id = excluded.boot_id, seen = excluded.seen
-- What drains goes on draining.

-- name: agent_seen
-- Answers whether nothing had been heard of it for $2 seconds.
UPDATE agents AS a SET seen = stowage_now() FROM agents AS before
WHERE a.host_id = $1 AND before.host_id = $1
RETURNING before.seen < stowage_now() - make_interval(secs => $2)

-- name: save_store
INSERT INTO stores AS s SELECT * FROM jsonb_populate_record(NULL::stores, $1)
ON CONFLICT (id) DO UPDATE SET view = excluded.view, sequence = excluded.sequence,
    removed = excluded.removed
    WHERE s.sequence <= excluded.sequence

-- name: copies_of_host
SELECT DISTINCT copy_id FROM hops
WHERE host_id = $1 AND state NOT IN ('committed', 'failed', 'cancelled') ORDER BY copy_id

-- name: hops_to_keep
-- What may have a part on a host: hops it moved, and any into pools that agents hold.
SELECT id FROM hops
WHERE state NOT IN ('committed', 'failed', 'cancelled')
    AND (host_id = $1 OR destination #>> '{grant,owner}' = 'hypervisor-agent')
ORDER BY id

-- name: copies_on_store
SELECT id FROM copies
WHERE state IN ('requested', 'planned', 'waiting', 'running', 'paused')
    AND (request #>> '{source,store_id}' = $1 OR request #>> '{destination,store_id}' = $1
        OR id IN (
            SELECT copy_id FROM hops WHERE state NOT IN ('committed', 'failed', 'cancelled')
                AND (source ->> 'store_id' = $1 OR destination ->> 'store_id' = $1)
        ))
ORDER BY id

-- name: stuck_on_caches
-- Hops on degraded caches that moved no byte for $1 seconds, and do nothing that takes time.
SELECT DISTINCT h.copy_id, s.id AS store_id, s.view ->> 'name' AS name
FROM stores AS s JOIN hops AS h ON s.id IN (h.source ->> 'store_id', h.destination ->> 'store_id')
WHERE s.view ->> 'role' = 'ImageCache' AND s.view ->> 'state' = 'Degraded' AND s.removed IS NULL
    AND h.state = 'moving' AND h.bytes_at < stowage_now() - make_interval(secs => $1)
    AND h.transfer ->> 'phase' NOT IN ('awaiting', 'converting', 'verifying')
ORDER BY h.copy_id

-- name: overdue
SELECT copy_id AS id FROM hops WHERE due <= stowage_now()
UNION
SELECT id FROM copies WHERE deadline <= stowage_now() AND finished IS NULL
ORDER BY id LIMIT $1

-- name: leased
SELECT DISTINCT copy_id AS id FROM hops WHERE state IN ('offered', 'moving') ORDER BY id

-- name: beat
-- Records that the sweeper ran; answers when it did so before, and when any agent was last heard.
WITH before AS (SELECT beat FROM pulse)
INSERT INTO pulse (beat) VALUES (stowage_now())
ON CONFLICT (one) DO UPDATE SET beat = excluded.beat
RETURNING (SELECT beat FROM before), (SELECT max(seen) FROM agents) AS heard

-- name: withdraw
INSERT INTO withdrawn (copy_id, reason, created) VALUES ($1, $2, stowage_now())
ON CONFLICT DO NOTHING

-- name: forget_copies
DELETE FROM copies WHERE id IN (
    SELECT id FROM copies WHERE finished < stowage_now() - $1::interval LIMIT 1000
)

-- name: forget_withdrawn
DELETE FROM withdrawn WHERE created < stowage_now() - interval '1 day'

-- name: forget_stores
-- Transport VMs come and go: what is told of those long gone is late, and of no use.
DELETE FROM stores WHERE removed < stowage_now() - interval '1 day'
