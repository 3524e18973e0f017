-- name: host_told
INSERT INTO hosts (id, roots, sequence, location, up, draining, machines)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO UPDATE
SET roots = EXCLUDED.roots, sequence = EXCLUDED.sequence, location = EXCLUDED.location,
    up = EXCLUDED.up, draining = EXCLUDED.draining, machines = EXCLUDED.machines
WHERE hosts.sequence <= EXCLUDED.sequence
-- name: host_heard
UPDATE hosts SET heard = stowage_now() WHERE id = $1
-- name: hear
-- A gap of $1 seconds begins a new hearing; written once a second.
UPDATE hearing SET last = stowage_now(),
    since = CASE WHEN last < stowage_now() - make_interval(secs => $1) THEN stowage_now()
        ELSE since END
WHERE last < stowage_now() - interval '1 second'
-- name: hearing_since
SELECT since FROM hearing
-- name: host_failed
UPDATE hosts SET failures = failures + 1, failed = stowage_now() WHERE id = $1
-- name: host_good
UPDATE hosts SET failures = 0, failed = NULL WHERE id = $1 AND failures > 0
-- name: fleet_hosts
-- Hosts of a scope that can run VMs, with what VMs of any fleet take of them; $3: silent after.
SELECT h.id, h.machines, h.draining, h.failures, h.failed,
    NOT h.up OR h.heard IS NULL OR h.heard < stowage_now() - make_interval(secs => $3) AS silent,
    v.vms, v.memory_bytes, v.disk_bytes
FROM hosts h, LATERAL (SELECT count(*)::int AS vms,
    coalesce(sum((spec->>'memory_bytes')::bigint), 0)::bigint AS memory_bytes,
    coalesce(sum((spec->>'disk_bytes')::bigint), 0)::bigint AS disk_bytes
    FROM transport_vms WHERE host_id = h.id) v
WHERE h.machines IS NOT NULL AND h.location->>($1 || '_id') = $2 ORDER BY h.id

-- name: set_fleet
-- An operator's new limits hold at once: what the controller waited for is over.
INSERT INTO fleets (id, name, scope_type, scope_id, settings, spawn_seconds)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO UPDATE
SET name = EXCLUDED.name, settings = EXCLUDED.settings, removing = false, look_at = NULL, grown = NULL,
    shrunk = NULL, failures = 0, failed = NULL, halted_until = NULL, error = NULL
-- name: fleet
SELECT * FROM fleets WHERE id = $1
-- name: fleets_due
-- Where something happens, or somebody waits, or nobody has looked for a while.
SELECT id FROM fleets f WHERE look_at IS NULL OR look_at <= stowage_now()
    OR EXISTS (SELECT FROM fleet_waits WHERE fleet_id = f.id) ORDER BY id
-- name: look_again
UPDATE fleets SET look_at = stowage_now() + make_interval(secs => $2) WHERE id = $1
-- name: lock_fleet
-- First of all that is locked: whoever holds it decides alone on its VMs.
SELECT * FROM fleets WHERE id = $1 FOR NO KEY UPDATE
-- name: lock_fleet_of
-- Whoever does so changes something: its fleet is looked at soon.
UPDATE fleets f SET look_at = NULL FROM transport_vms v WHERE v.fleet_id = f.id AND v.id = $1
RETURNING f.*
-- name: fleet_removing
UPDATE fleets SET removing = true WHERE id = $1 AND NOT removing
-- name: fleet_wants
UPDATE fleets SET desired = $2, backlog_bytes = $3 WHERE id = $1
-- name: fleet_does
UPDATE fleets SET doing = $2, grown = $3, shrunk = $4, halted_until = $5 WHERE id = $1
-- name: fleet_failed
UPDATE fleets SET failures = failures + 1, failed = stowage_now(), error = $2 WHERE id = $1
-- name: fleet_good
-- What spawning takes of late: half of it is the newest.
UPDATE fleets SET failures = 0, failed = NULL, halted_until = NULL, error = NULL,
    spawn_seconds = (spawn_seconds + $2) / 2
WHERE id = $1
-- name: fleet_said
UPDATE fleets SET said = $2 WHERE id = $1
-- name: drop_fleet
DELETE FROM fleets WHERE id = $1
-- name: add_former_fleet
INSERT INTO former_fleets (id, removed) VALUES ($1, stowage_now()) ON CONFLICT DO NOTHING
-- name: forget_former_fleets
DELETE FROM former_fleets WHERE removed < stowage_now() - make_interval(secs => $1)
-- name: fleet_known
SELECT EXISTS (SELECT FROM fleets WHERE id = $1) OR EXISTS (SELECT FROM former_fleets WHERE id = $1)

-- name: add_vm
INSERT INTO transport_vms (id, fleet_id, host_id, state, reason, spec, disk_bytes, ordered, expires,
    since)
VALUES ($1, $2, $3, 'ordered', $4, $5, $6, stowage_now(), $7, stowage_now()) RETURNING *
-- name: vm
SELECT * FROM transport_vms WHERE id = $1 FOR UPDATE
-- name: vms_on
SELECT * FROM transport_vms WHERE host_id = $1 ORDER BY fleet_id, id
-- name: fleet_vms
-- With the store on each and what it carries ($2 seconds).
SELECT v.*, s.state AS store_state, coalesce(e.held_bytes, 0)::bigint AS held_bytes,
    coalesce(e.pins, 0)::int AS pins, coalesce(l.bytes_per_second, 0) AS bytes_per_second
FROM transport_vms v LEFT JOIN cache_stores s ON s.id = v.id
LEFT JOIN LATERAL (SELECT sum(size) AS held_bytes, sum((SELECT count(*) FROM pins p
    WHERE p.entry_id = n.id AND p.expires > stowage_now())) AS pins
    FROM entries n WHERE n.store_id = v.id) e ON true
LEFT JOIN LATERAL (SELECT sum(bytes_per_second) AS bytes_per_second FROM samples
    WHERE store_id = v.id AND at > stowage_now() - make_interval(secs => $2)) l ON true
WHERE v.fleet_id = $1 ORDER BY v.id FOR UPDATE OF v
-- name: vm_moved
UPDATE transport_vms SET state = $2, since = stowage_now(), late = false,
    reason = CASE WHEN $3 = '' THEN reason ELSE $3 END,
    offered = CASE WHEN $2 = 'offered' THEN coalesce(offered, stowage_now()) ELSE offered END
WHERE id = $1 AND state <> $2 RETURNING *
-- name: vm_told
UPDATE transport_vms SET phase = $2, url = CASE WHEN $3 = '' THEN url ELSE $3 END,
    memory_bytes = $4, disk_bytes = CASE WHEN $5::bigint = 0 THEN disk_bytes ELSE $5::bigint END,
    error = $6, told = $7, missing_since = NULL,
    unwell_since = CASE WHEN $2 = 'unwell' THEN coalesce(unwell_since, stowage_now()) END
WHERE id = $1 RETURNING *
-- name: vm_missing
UPDATE transport_vms SET missing_since = coalesce(missing_since, stowage_now()) WHERE id = $1
RETURNING missing_since
-- name: vm_error
UPDATE transport_vms SET error = $2 WHERE id = $1
-- name: vm_unwell
UPDATE transport_vms SET unwell_since = CASE WHEN $2 THEN coalesce(unwell_since, stowage_now()) END
WHERE id = $1 AND (unwell_since IS NULL) = $2
-- name: vm_silent
UPDATE transport_vms SET silent_since = CASE WHEN $2 THEN stowage_now() END
WHERE id = $1 AND (silent_since IS NULL) = $2 RETURNING *
-- name: vm_late
UPDATE transport_vms SET late = true WHERE id = $1 AND NOT late RETURNING *
-- name: vm_spec
UPDATE transport_vms SET spec = $2 WHERE id = $1
-- name: vm_asked
UPDATE transport_vms SET asked = stowage_now() WHERE id = $1
-- name: drop_vm
DELETE FROM transport_vms WHERE id = $1

-- name: store_ids
SELECT id FROM cache_stores
-- name: add_vm_store
INSERT INTO cache_stores (id, name, provider, scope_type, scope_id, zone_id, state, settings,
    abilities, checks, total_bytes, foreign_bytes, probed)
VALUES ($1, $2, $3, $4, $5, $6, 'Up', $7, $8, $9, $10, $11, stowage_now()) ON CONFLICT DO NOTHING
-- name: drain_vm_store
-- Without a time at which what is left behind would be dropped: no copy is ever aborted.
UPDATE cache_stores SET state = 'Draining', drained_by = NULL WHERE id = $1 AND state <> 'Draining'
-- name: undrain_vm_store
UPDATE cache_stores SET state = 'Up', drained_by = NULL WHERE id = $1 AND state = 'Draining'
-- name: degrade_vm_store
UPDATE cache_stores SET state = 'Degraded', error = $2 WHERE id = $1 AND state = 'Up'

-- name: stranger_seen
INSERT INTO strangers (vm_id, host_id, first_seen, last_seen)
VALUES ($1, $2, stowage_now(), stowage_now())
ON CONFLICT (vm_id, host_id) DO UPDATE SET last_seen = stowage_now() RETURNING *
-- name: stranger_asked
UPDATE strangers SET asked = stowage_now() WHERE vm_id = $1 AND host_id = $2
-- name: forget_strangers
DELETE FROM strangers WHERE last_seen < stowage_now() - make_interval(secs => $1)

-- name: fleets_reaching
-- Fleets a host at this place lies in, narrowest first, with their stores that are in use.
SELECT f.id, f.name, f.doing, f.settings, ARRAY(
    SELECT s.id FROM transport_vms v JOIN cache_stores s ON s.id = v.id
    WHERE v.fleet_id = f.id AND v.state = 'offered' AND s.state = 'Up') AS in_use
FROM fleets f WHERE NOT f.removing AND CASE f.scope_type WHEN 'zone' THEN $1 WHEN 'pod' THEN $2
    WHEN 'cluster' THEN $3 ELSE $4 END = f.scope_id
ORDER BY array_position(ARRAY['host', 'cluster', 'pod', 'zone'], f.scope_type), f.id
-- name: wait_for_fleet
INSERT INTO fleet_waits (copy_id, fleet_id, size, expires)
VALUES ($1, $2, $3, stowage_now() + make_interval(secs => $4))
ON CONFLICT (copy_id) DO UPDATE SET fleet_id = EXCLUDED.fleet_id, size = EXCLUDED.size,
    expires = EXCLUDED.expires
-- name: fleet_backlog
SELECT coalesce(sum(size), 0)::bigint AS bytes, count(*)::int AS copies FROM fleet_waits
WHERE fleet_id = $1 AND expires > stowage_now()
-- name: drop_lapsed_fleet_waits
DELETE FROM fleet_waits WHERE expires <= stowage_now()

-- name: tell_fleet_load
INSERT INTO fleet_loads (fleet_id, bytes_per_second, streams, backlog_bytes, at)
VALUES ($1, $2, $3, $4, stowage_now()) ON CONFLICT (fleet_id) DO UPDATE
SET bytes_per_second = EXCLUDED.bytes_per_second, streams = EXCLUDED.streams,
    backlog_bytes = EXCLUDED.backlog_bytes, at = EXCLUDED.at
-- name: fleet_load
SELECT * FROM fleet_loads
WHERE fleet_id = $1 AND at > stowage_now() - make_interval(secs => $2)
-- name: forget_fleet_loads
DELETE FROM fleet_loads WHERE at < stowage_now() - make_interval(secs => $1)
-- name: fleet_measured
UPDATE fleets SET measured = stowage_now() WHERE id = $1
-- name: add_to_rhythm
INSERT INTO fleet_rhythm (fleet_id, day, slot, bytes) VALUES ($1, $2, $3, $4)
ON CONFLICT (fleet_id, day, slot) DO UPDATE SET bytes = fleet_rhythm.bytes + EXCLUDED.bytes
-- name: rhythm
-- The days before, averaged; a day counts from the first time anything was wanted on it.
SELECT slot, (sum(bytes) / d.days)::double precision AS bytes, d.days::int AS days
FROM fleet_rhythm, (SELECT count(DISTINCT day) AS days FROM fleet_rhythm
    WHERE fleet_id = $1 AND day < $2) d
WHERE fleet_id = $1 AND day < $2 GROUP BY slot, d.days ORDER BY slot
-- name: forget_rhythm
DELETE FROM fleet_rhythm WHERE day < $1
-- name: decisions_of_fleet
SELECT at, kind, subject, reason, details FROM decisions
WHERE subject = $1 OR (subject LIKE 'transport_vm/%' AND details->>'fleet_id' = $2)
ORDER BY id DESC LIMIT 50
-- name: fleet_of_store
-- The fleet itself, or whose VM a store is on.
SELECT id FROM fleets WHERE id = $1 UNION SELECT fleet_id FROM transport_vms WHERE id = $1
