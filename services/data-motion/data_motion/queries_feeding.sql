-- name: feeders
-- Hops of the bytes $1 that move, or whose copy ended within $2 seconds, into files of agents that
-- have a door and were heard within $3 seconds; in the order in which they were asked for. Who is
-- throttled, about to stop or draining would hold up those behind it.
SELECT h.id AS hop_id, h.host_id, h.state, h.fed_by, a.location, a.abilities ->> 'door' AS door
FROM copies AS c JOIN hops AS h ON h.copy_id = c.id JOIN agents AS a ON a.host_id = h.host_id
WHERE c.source_key = $1
    AND (c.finished IS NULL OR c.finished > stowage_now() - make_interval(secs => $2))
    AND a.seen > stowage_now() - make_interval(secs => $3)
    AND h.state IN ('offered', 'moving', 'verified', 'committing', 'committed')
    AND c.bytes_per_second IS NULL AND h.yielding = '' AND a.draining = ''
    AND h.method = 'copy' AND h.source ->> 'format' = h.destination ->> 'format'
    AND h.destination -> 'schemes' ? 'file'
ORDER BY c.created, h.id

-- name: unblock_fed
-- Hops of the bytes $1 that waited for a slot of their store: they can be fed from now on.
UPDATE hops SET blocked_on = NULL WHERE id IN (
    SELECT h.id FROM hops AS h JOIN copies AS c ON c.id = h.copy_id
    WHERE c.source_key = $1 AND c.finished IS NULL AND h.state = 'pending'
        AND h.blocked_on IS NOT NULL
    FOR UPDATE OF c SKIP LOCKED
)
