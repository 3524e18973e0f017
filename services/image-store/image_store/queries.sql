-- name: add_zone
INSERT INTO zones (id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING
-- name: add_pod
INSERT INTO pods (id, zone_id, name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
-- name: add_cluster
INSERT INTO clusters (id, pod_id, zone_id, name, hypervisor)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
-- name: zone
SELECT * FROM zones WHERE id = $1
-- name: pod
SELECT * FROM pods WHERE id = $1
-- name: cluster
SELECT * FROM clusters WHERE id = $1
-- name: add_host
INSERT INTO hosts (id, name, hypervisor, zone_id, pod_id, cluster_id, state, seen)
VALUES ($1, $2, $3, $4, $5, $6, 'Creating', stowage_now()) ON CONFLICT DO NOTHING
-- name: host
SELECT * FROM hosts WHERE id = $1 FOR UPDATE
-- name: read_host
SELECT * FROM hosts WHERE id = $1
-- name: host_joined
UPDATE hosts SET state = 'Up', abilities = $2, pools = $3, boot_id = $4, seen = stowage_now()
WHERE id = $1 RETURNING *
-- name: host_pools
-- Its pools, with what stands against those that are not used.
UPDATE hosts SET pools = $2 WHERE id = $1 RETURNING *
-- name: host_seen
UPDATE hosts SET seen = stowage_now(), state = 'Up' WHERE id = $1 RETURNING *
-- name: hosts_silent
-- Hosts not heard of for $1 seconds.
UPDATE hosts SET state = 'Disconnected'
WHERE state = 'Up' AND seen < stowage_now() - make_interval(secs => $1) RETURNING *
-- name: hosts_up
SELECT * FROM hosts WHERE state = 'Up' ORDER BY id

-- name: add_store
INSERT INTO image_data_store
    (id, name, provider, role, scope_type, scope_id, zone_id, state, settings, sealed, tags, probed,
     scanned)
SELECT id, name, provider, role, scope_type, scope_id, zone_id, 'Adding', settings, sealed, tags,
    stowage_now(), stowage_now()
FROM jsonb_populate_record(NULL::image_data_store, $1) ON CONFLICT DO NOTHING
-- name: add_pool
INSERT INTO image_data_store
    (id, name, provider, role, scope_type, scope_id, zone_id, state, settings, abilities, formats,
     total_bytes, used_bytes, probed)
VALUES ($1, $2, $3, 'Primary', $4, $5, $6, 'Up', $7, $8, $9, $10, $11, stowage_now())
ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name, settings = EXCLUDED.settings,
    abilities = EXCLUDED.abilities, formats = EXCLUDED.formats, total_bytes = EXCLUDED.total_bytes,
    used_bytes = EXCLUDED.used_bytes, probed = EXCLUDED.probed, state = EXCLUDED.state
WHERE image_data_store.role = 'Primary' AND image_data_store.provider = EXCLUDED.provider
    AND image_data_store.scope_id IS NOT DISTINCT FROM EXCLUDED.scope_id
RETURNING xmax = 0 AS fresh
-- name: pools_gone
-- Pools that the agent of host $1 declares no longer; $2 are those it does.
UPDATE image_data_store SET state = 'Disabled'
WHERE role = 'Primary' AND scope_type = 'host' AND scope_id = $1 AND state = 'Up'
    AND id <> ALL($2::text[]) RETURNING id
-- name: pool_room
UPDATE image_data_store SET total_bytes = $3, used_bytes = $4, probed = stowage_now()
WHERE id = $1 AND role = 'Primary' AND scope_type = 'host' AND scope_id = $2
-- name: store
SELECT s.*, (SELECT least(coalesce(sum(reserved), 0), 1::bigint << 62) FROM object_store_ref r
    WHERE r.store_id = s.id AND reserved > 0)::bigint
    AS reserved
FROM image_data_store s WHERE s.id = $1
-- name: lock_store
-- Serialises reservations on one store.
SELECT s.*, (SELECT least(coalesce(sum(reserved), 0), 1::bigint << 62) FROM object_store_ref r
    WHERE r.store_id = s.id AND reserved > 0)::bigint
    AS reserved
FROM image_data_store s WHERE s.id = $1 FOR UPDATE OF s
-- name: lock_image_stores
-- What is reserved is read in a statement of its own, once all are locked.
SELECT id FROM image_data_store WHERE role = 'Image' ORDER BY id FOR UPDATE
-- name: store_probed
-- A server that tells nothing of its room holds what the catalogue has on it, once somebody said
-- what it may hold.
UPDATE image_data_store SET state = $2, checks = $3, abilities = $4,
    total_bytes = coalesce(capacity, $5), used_bytes = coalesce($6, CASE WHEN capacity IS NOT NULL
    THEN (SELECT coalesce(sum(size), 0)::bigint FROM object_store_ref r WHERE r.store_id = $1
        AND r.state = 'Ready') END), error = $7, probed = stowage_now(),
    measured = CASE WHEN $7::jsonb IS NULL THEN stowage_now() ELSE measured END WHERE id = $1
-- name: store_error
UPDATE image_data_store SET error = $2 WHERE id = $1
-- name: store_filled
-- Reserved bytes became used ones; the next probe counts them itself.
UPDATE image_data_store SET used_bytes = used_bytes + $2 WHERE id = $1
-- name: drain_store
UPDATE image_data_store SET state = 'Draining' WHERE id = $1
-- name: store_warned
UPDATE image_data_store SET warned = $2 WHERE id = $1 AND warned <> $2
-- name: drop_store
DELETE FROM image_data_store WHERE id = $1
-- name: stores_to_probe
SELECT id FROM image_data_store WHERE role = 'Image' AND state IN ('Up', 'Degraded', 'ReadOnly')
    AND probed < stowage_now() - make_interval(secs => $1)

-- name: add_object
INSERT INTO stored_object (noun, id, kind, account_id, name, format, hypervisor, scope_type, zones,
    origin, sealed_url, url_scheme, checksum, tags, min_copies, max_copies, wanted_stores,
    template_id, volume_id, parent_id, created)
SELECT noun, id, kind, account_id, name, format, hypervisor, scope_type, zones, origin, sealed_url,
    url_scheme, checksum, tags, min_copies, max_copies, wanted_stores, template_id, volume_id,
    parent_id, stowage_now()
FROM jsonb_populate_record(NULL::stored_object, $1) ON CONFLICT DO NOTHING
-- name: object
-- Who changes an object or a replica of it holds this lock first, so that none waits in a circle.
SELECT * FROM stored_object WHERE noun = $1 AND id = $2 FOR UPDATE
-- name: lock_object_of
-- The same for a replica's id.
SELECT o.* FROM stored_object o JOIN object_store_ref r ON o.noun = r.noun AND o.id = r.object_id
WHERE r.id = $1 FOR UPDATE OF o
-- name: lock_objects_on
-- The same for every replica on a store.
SELECT * FROM stored_object o WHERE (o.id, o.noun) IN (
    SELECT object_id, noun FROM object_store_ref WHERE store_id = $1
) ORDER BY o.noun, o.id FOR UPDATE
-- name: object_failed
UPDATE stored_object SET error = $3 WHERE noun = $1 AND id = $2
-- name: object_known
UPDATE stored_object SET size = $3, virtual_size = $4, digest = $5, error = NULL, attempts = 0
WHERE noun = $1 AND id = $2
-- name: object_removed
UPDATE stored_object SET removed = true WHERE noun = $1 AND id = $2
-- name: drop_object
DELETE FROM stored_object WHERE noun = $1 AND id = $2
-- name: object_due
UPDATE stored_object SET due = stowage_now() + make_interval(secs => $3)
WHERE noun = $1 AND id = $2
-- name: object_again
UPDATE stored_object SET due = stowage_now() + make_interval(secs => $3), attempts = attempts + 1
WHERE noun = $1 AND id = $2
-- name: objects_due
SELECT * FROM stored_object WHERE due <= stowage_now() ORDER BY due LIMIT 20 FOR UPDATE SKIP LOCKED
-- name: region_due
UPDATE stored_object SET due = stowage_now() WHERE scope_type = 'region' AND NOT removed
-- name: change_object
UPDATE stored_object SET name = coalesce($3, name), tags = coalesce($4, tags),
    min_copies = coalesce($5, min_copies), max_copies = CASE WHEN $6 < 0 THEN NULL ELSE
    coalesce($6, max_copies) END WHERE noun = $1 AND id = $2 RETURNING *
-- name: add_object_zone
UPDATE stored_object SET zones = array_append(zones, $3)
WHERE noun = $1 AND id = $2 AND NOT $3 = ANY(zones) AND scope_type = 'zone'
-- name: drop_object_zone
UPDATE stored_object SET zones = array_remove(zones, $3) WHERE noun = $1 AND id = $2
-- name: unwant_store
-- A store is wished for no more, by one object or (gone) by all.
UPDATE stored_object SET wanted_stores = array_remove(wanted_stores, $1)
WHERE $1 = ANY(wanted_stores) AND ($2::text IS NULL OR (noun = $2 AND id = $3))
-- name: zones
SELECT id FROM zones ORDER BY id
-- name: zones_with_stores
-- Zones a region-wide object can be brought to, by other stores than $1.
SELECT z.id FROM zones z WHERE EXISTS (SELECT FROM image_data_store s WHERE s.role = 'Image'
    AND s.state <> 'Adding' AND s.evacuation IS NULL AND s.id <> ALL($1) AND (s.scope_type = 'region' OR s.zone_id = z.id)) ORDER BY z.id
-- name: stores_of
-- Stores that hold a replica of an object.
SELECT s.* FROM image_data_store s WHERE s.id IN (
    SELECT store_id FROM object_store_ref WHERE noun = $1 AND object_id = $2)
-- name: stores_wanted
SELECT id FROM image_data_store WHERE id = ANY($1) AND evacuation IS NULL ORDER BY id

-- name: add_ref
INSERT INTO object_store_ref (id, noun, kind, object_id, account_id, store_id, role, state,
    update_count, install_path, format, copy_id, reserved, in_place, updated)
SELECT id, noun, kind, object_id, account_id, store_id, role, state, 1, install_path, format,
    copy_id, coalesce(reserved, 0), in_place, stowage_now()
FROM jsonb_populate_record(NULL::object_store_ref, $1) RETURNING *
-- name: ref
SELECT * FROM object_store_ref WHERE id = $1 FOR UPDATE
-- name: id_taken
-- Whether another kind of object has the id, and so would have its file name on a pool.
SELECT EXISTS (SELECT FROM stored_object WHERE id = $1 AND noun <> $2)
-- name: ref_on
SELECT * FROM object_store_ref WHERE noun = $1 AND object_id = $2 AND store_id = $3 FOR UPDATE
-- name: read_ref
SELECT * FROM object_store_ref WHERE id = $1
-- name: replicas_of
SELECT * FROM object_store_ref WHERE noun = $1 AND object_id = $2 ORDER BY id
-- name: refs_of
SELECT * FROM object_store_ref WHERE noun = $1 AND object_id = $2 ORDER BY id FOR UPDATE
-- name: zones_of_stores
-- How far each store with a replica of an object reaches.
SELECT s.id, s.scope_type, s.scope_id, s.zone_id, s.state FROM image_data_store s
WHERE s.id IN (SELECT store_id FROM object_store_ref WHERE noun = $1 AND object_id = $2)
-- name: refs_on_store
SELECT * FROM object_store_ref WHERE store_id = $1 ORDER BY id FOR UPDATE
-- name: unfinished_on_store
-- Replicas given up on a store whose bytes we wrote ourselves: not what was found there.
SELECT r.install_path FROM object_store_ref r
JOIN stored_object o ON o.noun = r.noun AND o.id = r.object_id
WHERE r.store_id = $1 AND NOT r.in_place AND (o.origin = 'store'
    OR EXISTS (SELECT FROM grants g WHERE g.ref_id = r.id AND g.writes))
    AND NOT EXISTS (SELECT FROM inspections i WHERE i.ref_id = r.id AND i.purpose = 'adopt')
-- name: has_heir
-- Whether what is at key $2 is good, or belongs to a later replica than $3 that wrote it whole.
SELECT EXISTS (SELECT FROM object_store_ref r WHERE r.store_id = $1
    AND r.install_path COLLATE "C" = $2 AND (r.state = 'Ready' OR (r.id <> $3 AND NOT EXISTS (
        SELECT FROM grants g WHERE g.ref_id = r.id AND g.writes AND g.state = 'active'))))
-- name: move_ref
-- Compare and set: no row means somebody else moved it first.
UPDATE object_store_ref SET state = $4, update_count = update_count + 1, updated = stowage_now()
WHERE id = $1 AND state = $2 AND update_count = $3
-- name: ref_known
UPDATE object_store_ref SET size = $2, digest = $3, reserved = $4 WHERE id = $1 RETURNING *
-- name: ref_ready
-- As move_ref: nothing is reserved any more, and what is there was read whole or not ($5).
UPDATE object_store_ref SET state = $4, update_count = update_count + 1, updated = stowage_now(),
    reserved = 0, verified = CASE WHEN $5 THEN stowage_now() ELSE verified END,
    error = CASE WHEN $5 THEN NULL ELSE error END
WHERE id = $1 AND state = $2 AND update_count = $3
-- name: ref_verified
UPDATE object_store_ref SET verified = stowage_now(), error = NULL WHERE id = $1
-- name: verified_later
-- Nobody could read it now: a day later it is its turn again.
UPDATE object_store_ref SET read_after = stowage_now() + interval '1 day' WHERE id = $1
-- name: ref_failed
UPDATE object_store_ref SET error = $2, reserved = 0 WHERE id = $1
-- name: asked
INSERT INTO askers (copy_id, ref_id, request, said) VALUES ($1, $2, $3, stowage_now())
ON CONFLICT DO NOTHING
-- name: askers_of
SELECT copy_id FROM askers WHERE ref_id = $1 ORDER BY copy_id
-- name: unasked
-- Copy $2 wants replica $1 no more; tells whether it was the last, no row if it had not asked.
WITH gone AS (DELETE FROM askers WHERE copy_id = $2 AND ref_id = $1 RETURNING ref_id)
SELECT NOT EXISTS (SELECT FROM askers WHERE ref_id = $1 AND copy_id <> $2) FROM gone
-- name: answered
-- Every copy that wanted it has ended, and so has the reading of its source.
WITH gone AS (DELETE FROM askers WHERE ref_id = $1)
UPDATE grants SET state = 'ended' WHERE for_ref = $1 AND state = 'active'
-- name: unanswered
-- Requests whose end was not heard for $1 seconds.
UPDATE askers SET said = stowage_now() WHERE copy_id IN (
    SELECT copy_id FROM askers WHERE said < stowage_now() - make_interval(secs => $1)
    ORDER BY said LIMIT 100 FOR UPDATE SKIP LOCKED
) RETURNING request
-- name: ref_of_write
-- The replica a write grant is for: never one that was made anew at the same place.
SELECT ref_id FROM grants WHERE id = $1 AND writes
-- name: reserve
UPDATE object_store_ref SET reserved = $2 WHERE id = $1
-- name: drop_ref
WITH a AS (DELETE FROM askers WHERE ref_id = $1),
g AS (DELETE FROM grants WHERE ref_id = $1 OR for_ref = $1),
w AS (DELETE FROM installs WHERE ref_id = $1),
r AS (DELETE FROM removals WHERE ref_id = $1),
i AS (DELETE FROM inspections WHERE ref_id = $1)
DELETE FROM object_store_ref WHERE id = $1
-- name: drop_refs_on_store
WITH gone AS (DELETE FROM object_store_ref WHERE store_id = $1 RETURNING id),
a AS (DELETE FROM askers WHERE ref_id IN (SELECT id FROM gone)),
g AS (DELETE FROM grants WHERE ref_id IN (SELECT id FROM gone)
    OR for_ref IN (SELECT id FROM gone))
DELETE FROM inspections WHERE ref_id IN (SELECT id FROM gone)

-- name: add_grant
INSERT INTO grants (id, ref_id, source_noun, source_id, writes, purpose, for_ref, expires, created)
SELECT id, ref_id, source_noun, source_id, writes, purpose, for_ref, expires, stowage_now()
FROM jsonb_populate_record(NULL::grants, $1) ON CONFLICT DO NOTHING
-- name: lock_ref_of_grant
-- A write's replica is locked before its grant, in the order in which both end.
SELECT id FROM object_store_ref
WHERE id = (SELECT ref_id FROM grants WHERE id = $1 AND writes) FOR UPDATE
-- name: grant
SELECT * FROM grants WHERE id = $1 FOR UPDATE
-- name: grant_redeemed
UPDATE grants SET epoch = $2, writer = $3, session = $4 WHERE id = $1
-- name: grant_session
-- Keeps what a writer began, unless it lost the grant meanwhile or has begun already.
UPDATE grants SET session = $3
WHERE id = $1 AND writer = $2 AND state = 'active' AND session IN ('', $3)
-- name: grant_state
UPDATE grants SET state = $2 WHERE id = $1 AND state <> $2
-- name: wrote_whole
-- Whether a write of a replica was committed.
SELECT EXISTS (SELECT FROM grants WHERE ref_id = $1 AND writes AND state = 'committed')
-- name: write_grant_of
SELECT * FROM grants WHERE ref_id = $1 AND writes AND state = 'active' ORDER BY created LIMIT 1
-- name: readers_of
-- Copies that read a replica just now.
SELECT count(*) FROM grants WHERE ref_id = $1 AND NOT writes AND state = 'active'
    AND purpose = 'copy'
-- name: writes_on_store
-- What writers may have left on a store.
SELECT r.install_path, g.writer, g.session FROM grants g JOIN object_store_ref r ON r.id = g.ref_id
WHERE r.store_id = $1 AND g.writes AND g.writer <> ''
-- name: grants_old
-- Ended grants are forgotten after $1 seconds; read grants end by age alone.
DELETE FROM grants WHERE created < stowage_now() - make_interval(secs => $1)
    AND (state <> 'active' OR NOT writes)
    AND NOT EXISTS (SELECT FROM object_store_ref r WHERE r.id = ref_id AND r.state = 'Creating')

-- name: verdict
-- One of an older gate than has been heard of is no verdict any more.
SELECT verdict FROM verdicts WHERE digest = $1 AND declared = $2
    AND gate_version = (SELECT max(gate_version) FROM verdicts)
-- name: add_verdict
INSERT INTO verdicts (digest, gate_version, declared, verdict) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
-- name: add_inspection
INSERT INTO inspections (id, ref_id, grant_id, digest, purpose, read_all, due)
VALUES ($1, $2, $3, $4, $5, $6, stowage_now())
-- name: inspection
SELECT * FROM inspections WHERE id = $1 FOR UPDATE
-- name: inspection_of_ref
SELECT * FROM inspections WHERE ref_id = $1
-- name: inspections_due
SELECT * FROM inspections WHERE due <= stowage_now() ORDER BY due LIMIT 50 FOR UPDATE
-- name: inspection_sent
UPDATE inspections SET host_id = $2, tried = tried || to_jsonb($2::text), attempts = attempts + 1,
    due = stowage_now() + make_interval(secs => $3) WHERE id = $1
-- name: inspection_waits
-- Nobody was there to judge.
UPDATE inspections SET attempts = attempts + 1,
    due = stowage_now() + make_interval(secs => $2) WHERE id = $1
-- name: inspection_queued
UPDATE inspections SET due = stowage_now() + interval '1 second' WHERE id = $1
-- name: hosts_reading
-- Whole objects that agents were given and have not told of yet.
SELECT host_id, count(*) AS reading FROM inspections
WHERE read_all AND host_id IS NOT NULL AND due > stowage_now() GROUP BY host_id
-- name: inspection_failed
UPDATE inspections SET error = $2, due = stowage_now() + interval '1 second' WHERE id = $1
-- name: drop_inspections_of
DELETE FROM inspections WHERE ref_id = $1
-- name: drop_inspection
DELETE FROM inspections WHERE id = $1

-- name: placement_rules
SELECT rule FROM placement_rules ORDER BY position, id

-- name: left_on_store
-- What is still to be taken off a store.
SELECT count(*) AS objects, coalesce(sum(size), 0)::bigint AS bytes FROM object_store_ref
WHERE store_id = $1
-- name: planned_on_store
SELECT * FROM object_store_ref WHERE store_id = $1 AND state <> 'Destroying' ORDER BY id LIMIT 10000
-- name: evacuate_store
UPDATE image_data_store SET state = 'Draining', evacuation = $2 WHERE id = $1
-- name: evacuation_at
UPDATE image_data_store SET evacuation = $2 WHERE id = $1
-- name: stop_evacuation
UPDATE image_data_store SET evacuation = NULL, evacuated = jsonb_build_object(
    'id', evacuation -> 'id', 'empty', $2::boolean, 'at', stowage_now())
WHERE id = $1 AND evacuation IS NOT NULL
-- name: evacuating
SELECT id FROM image_data_store WHERE evacuation IS NOT NULL ORDER BY id
-- name: blocked_on_store
-- What was true of an object before it was on its way says nothing of that.
SELECT o.noun, o.id, coalesce(o.error, r.error) AS error FROM stored_object o
JOIN object_store_ref r ON r.noun = o.noun AND r.object_id = o.id
WHERE r.store_id = $1 AND coalesce(o.error, r.error) IS NOT NULL AND NOT EXISTS (
    SELECT FROM object_store_ref other WHERE other.noun = o.noun AND other.object_id = o.id
    AND other.state IN ('Allocated', 'Creating'))
ORDER BY o.noun, o.id LIMIT $2
-- name: verifications
SELECT count(*) FROM inspections WHERE purpose = 'verify'
-- name: replicas_to_verify
-- Ready replicas on readable stores, those longest unread first.
SELECT r.id FROM object_store_ref r JOIN image_data_store s ON s.id = r.store_id
WHERE r.state = 'Ready' AND r.role = 'Image' AND s.state IN ('Up', 'ReadOnly')
    AND r.verified < stowage_now() - make_interval(secs => $1)
    AND coalesce(r.read_after <= stowage_now(), true)
    AND NOT EXISTS (SELECT FROM inspections i WHERE i.ref_id = r.id)
ORDER BY r.verified LIMIT $2
-- name: children_of
SELECT count(*) FROM stored_object WHERE noun = 'snapshot' AND parent_id = $1
-- name: parents_released
-- Removed snapshots with bytes on which no other stands.
SELECT p.noun, p.id FROM stored_object p WHERE p.noun = 'snapshot' AND p.removed
    AND NOT EXISTS (SELECT FROM stored_object c WHERE c.noun = 'snapshot' AND c.parent_id = p.id)
    AND EXISTS (SELECT FROM object_store_ref r WHERE r.noun = 'snapshot' AND r.object_id = p.id
        AND r.state IN ('Ready', 'Failed')) ORDER BY p.id LIMIT 50 FOR UPDATE OF p
