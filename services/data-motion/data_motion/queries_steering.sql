-- What people order of copies under way, and whose slot goes to what matters more.

-- name: outranking
-- Hops that wait for a slot which one of lower priority holds, and to which none yields yet:
-- highest priority first, then the oldest; at most $1.
SELECT h.id, h.copy_id, c.priority
FROM hops AS h JOIN copies AS c ON c.id = h.copy_id
WHERE h.state = 'pending' AND h.retry_at <= stowage_now() AND h.blocked_on IS NOT NULL
    -- Of many that wait, all with one priority, none is looked at further.
    AND c.priority > (
        SELECT min(o.priority) FROM hops AS r JOIN copies AS o ON o.id = r.copy_id
        WHERE r.state IN ('offered', 'moving') AND r.yielding = ''
    )
    AND EXISTS (
        SELECT FROM hops AS r JOIN copies AS o ON o.id = r.copy_id
        WHERE r.state IN ('offered', 'moving') AND r.yielding = '' AND o.priority < c.priority
            AND r.slots && h.blocked_on
    )
    AND NOT EXISTS (
        SELECT FROM hops AS r WHERE r.yields_to = h.id AND r.state IN ('offered', 'moving')
    )
ORDER BY c.priority DESC, c.created, c.id LIMIT $1

-- name: holding
-- Hops that hold slots and may be asked to give them up.
SELECT h.id, h.copy_id, c.priority, h.state, h.slots, h.transfer, h.yielding, h.yields_to
FROM hops AS h JOIN copies AS c ON c.id = h.copy_id
WHERE h.state IN ('offered', 'moving')

-- name: drain_agent
-- $2 is why; empty ends it. No row: the agent never joined, or was told otherwise later than $3.
UPDATE agents SET draining = $2, drain_left = NULL, drain_sequence = $3
WHERE host_id = $1 AND drain_sequence <= $3 RETURNING host_id

-- name: drains
-- Draining agents whose number of hops is not the one told last, now told.
UPDATE agents AS a SET drain_left = now.hops
FROM (
    SELECT host_id, (
        SELECT count(*)::integer FROM hops
        WHERE hops.host_id = d.host_id
            AND state IN ('offered', 'moving', 'verified', 'committing')
    ) AS hops FROM agents AS d WHERE draining <> ''
) AS now
WHERE a.host_id = now.host_id AND a.drain_left IS DISTINCT FROM now.hops
RETURNING a.host_id, a.draining, a.drain_left
