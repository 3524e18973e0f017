-- What plans are made of, and what operators want of them.

-- name: planning_agents
-- Agents heard within $1 seconds, with the hops each moves; with zones given ($2), only theirs and
-- those of no zone, unless a cache store reaches into several zones.
SELECT a.host_id, a.location::text AS location, a.abilities::text AS abilities,
    coalesce(r.running, 0) AS running
FROM agents AS a LEFT JOIN (
    SELECT host_id, count(*) AS running FROM hops
    WHERE state IN ('offered', 'moving', 'verified', 'committing') GROUP BY host_id
) AS r ON r.host_id = a.host_id
WHERE a.seen > stowage_now() - make_interval(secs => $1)
    AND ($2::text[] IS NULL OR a.location ->> 'zone_id' = ANY($2)
        OR a.location ->> 'zone_id' IS NULL
        OR EXISTS (SELECT FROM stores WHERE view ->> 'role' = 'ImageCache'
            AND view #>> '{scope,type}' = 'region'))
ORDER BY a.host_id

-- name: planning_rest
-- Cache stores, fleets of transport VMs, and the policy of zone $1 or else the default one.
SELECT
    (SELECT jsonb_agg(view ORDER BY id) FROM stores
        WHERE view ->> 'role' = 'ImageCache' AND removed IS NULL) AS caches,
    (SELECT jsonb_agg(view ORDER BY id) FROM cache_fleets) AS fleets,
    (SELECT to_jsonb(p) FROM motion_policies AS p WHERE id IN ($1, 'default')
        ORDER BY id = 'default' LIMIT 1) AS policy

-- name: set_policy
INSERT INTO motion_policies SELECT * FROM jsonb_populate_record(NULL::motion_policies, $1)
ON CONFLICT (id) DO UPDATE SET pin = excluded.pin, forbid = excluded.forbid,
    caches = excluded.caches, caches_of = excluded.caches_of

-- name: drop_policy
DELETE FROM motion_policies AS p WHERE id = $1 RETURNING to_jsonb(p)

-- name: copy_explained
-- The copy of an asker, whether it lives or has ended.
SELECT to_jsonb(c) FROM copies AS c JOIN askers AS a ON a.copy_id = c.id WHERE a.id = $1

-- name: save_fleet
INSERT INTO cache_fleets AS f SELECT * FROM jsonb_populate_record(NULL::cache_fleets, $1)
ON CONFLICT (id) DO UPDATE SET view = excluded.view, sequence = excluded.sequence
    WHERE f.sequence <= excluded.sequence

-- name: drop_fleet
DELETE FROM cache_fleets WHERE id = $1
