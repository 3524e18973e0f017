-- What CloudStack tells of objects, who may use them, and lists of templates and ISOs.

-- name: describe
-- Attributes $7 are put in, those of $8 taken out; what is NULL stays.
INSERT INTO descriptions AS d
    (noun, id, account_id, created, public, featured, extractable, attributes)
VALUES ($1, $2, $3,
    coalesce((SELECT created FROM resources WHERE noun = $1 AND id = $2), stowage_now()),
    coalesce($4, false), coalesce($5, false), coalesce($6, true), $7::jsonb)
ON CONFLICT (noun, id) DO UPDATE SET public = coalesce($4, d.public),
    featured = coalesce($5, d.featured), extractable = coalesce($6, d.extractable),
    attributes = (d.attributes || $7::jsonb) - $8::text[]
-- name: descriptions
SELECT * FROM descriptions WHERE noun = $1 AND id = ANY ($2::text[])
-- name: launch_permissions
SELECT account_id FROM launch_permissions WHERE noun = $1 AND id = $2 ORDER BY account_id
-- name: add_launch_permissions
INSERT INTO launch_permissions (noun, id, account_id)
SELECT $1, $2, account_id FROM unnest($3::text[]) AS account_id ON CONFLICT DO NOTHING
-- name: drop_launch_permissions
DELETE FROM launch_permissions
WHERE noun = $1 AND id = $2 AND ($3::text[] IS NULL OR account_id = ANY ($3))
-- name: lets_in
SELECT EXISTS (SELECT FROM descriptions WHERE noun = $1 AND id = $2 AND public)
    OR EXISTS (SELECT FROM launch_permissions
        WHERE noun = $1 AND id = $2 AND account_id = ANY ($3::text[]))

-- Lists of templates or ISOs ($1), newest first; each state matches one of $2, and $3 where given is
-- in its name. One row for each zone ($4: of this zone; $5: where it is ready or not), or with $6
-- one for each object. Rows have an offset and a limit as last parameters, counts how many objects
-- to look at.
-- name: images_all
SELECT r.*, z.zone_id, z.ready
FROM resources AS r CROSS JOIN LATERAL (
    SELECT NULL AS zone_id, (r.state ->> 'ready')::boolean AS ready WHERE $6
    UNION ALL SELECT * FROM object_zones(r.state) AS o
    WHERE NOT $6 AND ($4 = '' OR o.zone_id = $4) AND ($5::boolean IS NULL OR o.ready = $5)) AS z
WHERE r.image_kind = $1 AND NOT r.removed
    AND r.state @> ANY ($2::jsonb[]) AND ($3 = '' OR r.state ->> 'name' ILIKE $3)
ORDER BY r.created DESC, r.id DESC, z.zone_id OFFSET $7 LIMIT $8
-- name: count_images_all
SELECT coalesce(sum(CASE WHEN $6 OR $4 <> '' THEN 1
    ELSE image_rows(state, $5, (SELECT count(*) FROM resources WHERE noun = 'zone' AND NOT removed)) END), 0)::bigint
FROM (SELECT r.state FROM resources AS r
    WHERE r.image_kind = $1 AND NOT r.removed
        AND r.state @> ANY ($2::jsonb[]) AND ($3 = '' OR r.state ->> 'name' ILIKE $3)
    LIMIT $7) AS counted
-- name: count_images_whole
-- All of a kind, unless $6 a row for each zone.
SELECT coalesce(sum(CASE WHEN $6 THEN 1 ELSE coalesce(image_zones,
    (SELECT count(*) FROM resources WHERE noun = 'zone' AND NOT removed)) END), 0)::bigint
FROM (SELECT r.image_zones FROM resources AS r
    WHERE r.image_kind = $1 AND NOT r.removed AND $2::jsonb[] IS NOT NULL AND $3 = '' AND $4 = ''
        AND $5::boolean IS NULL
    LIMIT $7) AS counted
-- name: count_images_open
-- As count_images_whole, of accounts $7 and, by $8, public ones; none is shared ($9).
WITH found AS (
    SELECT r.image_zones FROM resources AS r
    WHERE r.account_id = ANY ($7::text[]) AND r.image_kind = $1 AND NOT r.removed
    UNION ALL SELECT r.image_zones FROM descriptions AS d JOIN resources AS r USING (noun, id)
    WHERE d.noun = 'template' AND d.public AND $8 <> ''
        AND ($8 = 'public' OR d.featured = ($8 = 'featured'))
        AND r.image_kind = $1 AND NOT r.removed AND r.account_id <> ALL ($7::text[])
)
SELECT coalesce(sum(CASE WHEN $6 THEN 1 ELSE coalesce(image_zones,
    (SELECT count(*) FROM resources WHERE noun = 'zone' AND NOT removed)) END), 0)::bigint
FROM (SELECT image_zones FROM found
    WHERE $2::jsonb[] IS NOT NULL AND $3 = '' AND $4 = '' AND $5::boolean IS NULL
        AND cardinality($9::text[]) = 0
    LIMIT $10) AS counted
-- name: images_seen
-- Of accounts $7; public ones ($8: public, featured, community; '': none); shared with accounts $9.
WITH found AS (
    (SELECT own.* FROM unnest($7::text[]) AS mine (account_id) CROSS JOIN LATERAL (
        SELECT r.id, r.created FROM resources AS r
        WHERE r.account_id = mine.account_id AND r.image_kind = $1 AND NOT r.removed
            AND r.state @> ANY ($2::jsonb[]) AND ($3 = '' OR r.state ->> 'name' ILIKE $3)
        ORDER BY r.created DESC, r.id DESC LIMIT $10::bigint + $11::bigint) AS own)
    UNION (SELECT r.id, r.created FROM descriptions AS d JOIN resources AS r USING (noun, id)
        WHERE d.noun = 'template' AND d.public AND $8 <> ''
            AND ($8 = 'public' OR d.featured = ($8 = 'featured'))
            AND r.image_kind = $1 AND NOT r.removed
            AND r.state @> ANY ($2::jsonb[]) AND ($3 = '' OR r.state ->> 'name' ILIKE $3)
        ORDER BY d.created DESC, d.id DESC LIMIT $10::bigint + $11::bigint)
    UNION (SELECT r.id, r.created FROM launch_permissions AS p JOIN resources AS r USING (noun, id)
        WHERE p.noun = 'template' AND p.account_id = ANY ($9::text[])
            AND r.image_kind = $1 AND NOT r.removed
            AND r.state @> ANY ($2::jsonb[]) AND ($3 = '' OR r.state ->> 'name' ILIKE $3)
        ORDER BY r.created DESC, r.id DESC LIMIT $10::bigint + $11::bigint)
)
SELECT r.*, z.zone_id, z.ready FROM (
    SELECT id FROM found ORDER BY created DESC, id DESC LIMIT $10::bigint + $11::bigint) AS first
JOIN resources AS r ON r.noun = 'template' AND r.id = first.id CROSS JOIN LATERAL (
    SELECT NULL AS zone_id, (r.state ->> 'ready')::boolean AS ready WHERE $6
    UNION ALL SELECT * FROM object_zones(r.state) AS o
    WHERE NOT $6 AND ($4 = '' OR o.zone_id = $4) AND ($5::boolean IS NULL OR o.ready = $5)) AS z
ORDER BY r.created DESC, r.id DESC, z.zone_id OFFSET $10 LIMIT $11
-- name: count_images_seen
WITH found AS (
    (SELECT own.* FROM unnest($7::text[]) AS mine (account_id) CROSS JOIN LATERAL (
        SELECT r.id FROM resources AS r
        WHERE r.account_id = mine.account_id AND r.image_kind = $1 AND NOT r.removed
            AND r.state @> ANY ($2::jsonb[]) AND ($3 = '' OR r.state ->> 'name' ILIKE $3) LIMIT $10) AS own)
    UNION (SELECT r.id FROM descriptions AS d JOIN resources AS r USING (noun, id)
        WHERE d.noun = 'template' AND d.public AND $8 <> ''
            AND ($8 = 'public' OR d.featured = ($8 = 'featured'))
            AND r.image_kind = $1 AND NOT r.removed
            AND r.state @> ANY ($2::jsonb[]) AND ($3 = '' OR r.state ->> 'name' ILIKE $3) LIMIT $10)
    UNION (SELECT r.id FROM launch_permissions AS p JOIN resources AS r USING (noun, id)
        WHERE p.noun = 'template' AND p.account_id = ANY ($9::text[])
            AND r.image_kind = $1 AND NOT r.removed
            AND r.state @> ANY ($2::jsonb[]) AND ($3 = '' OR r.state ->> 'name' ILIKE $3) LIMIT $10)
)
SELECT coalesce(sum(CASE WHEN $6 OR $4 <> '' THEN 1
    ELSE image_rows(state, $5, (SELECT count(*) FROM resources WHERE noun = 'zone' AND NOT removed)) END), 0)::bigint
FROM (SELECT r.state FROM found JOIN resources AS r ON r.noun = 'template' AND r.id = found.id
    LIMIT $10) AS counted
-- name: images_filtered
-- As images_seen, but by ids $10, name $11, attributes $12 and whether it is public ($13), too; with
-- accounts $7 NULL all are seen.
SELECT r.*, z.zone_id, z.ready
FROM resources AS r LEFT JOIN descriptions AS d USING (noun, id) CROSS JOIN LATERAL (
    SELECT NULL AS zone_id, (r.state ->> 'ready')::boolean AS ready WHERE $6
    UNION ALL SELECT * FROM object_zones(r.state) AS o
    WHERE NOT $6 AND ($4 = '' OR o.zone_id = $4) AND ($5::boolean IS NULL OR o.ready = $5)) AS z
WHERE r.noun = 'template' AND r.state ->> 'kind' = $1 AND NOT r.removed
    AND r.state @> ANY ($2::jsonb[]) AND ($3 = '' OR r.state ->> 'name' ILIKE $3)
    AND ($10::text[] IS NULL OR r.id = ANY ($10)) AND ($11 = '' OR r.state ->> 'name' = $11)
    AND coalesce(d.attributes, '{}') @> $12::jsonb
    AND ($13::boolean IS NULL OR coalesce(d.public, false) = $13)
    AND ($7::text[] IS NULL OR r.account_id = ANY ($7)
        OR ($8 <> '' AND d.public AND ($8 = 'public' OR d.featured = ($8 = 'featured')))
        OR EXISTS (SELECT FROM launch_permissions AS p
            WHERE p.noun = r.noun AND p.id = r.id AND p.account_id = ANY ($9::text[])))
ORDER BY r.created DESC, r.id DESC, z.zone_id OFFSET $14 LIMIT $15
-- name: count_images_filtered
SELECT coalesce(sum(CASE WHEN $6 OR $4 <> '' THEN 1
    ELSE image_rows(state, $5, (SELECT count(*) FROM resources WHERE noun = 'zone' AND NOT removed)) END), 0)::bigint
FROM (SELECT r.state FROM resources AS r LEFT JOIN descriptions AS d USING (noun, id)
    WHERE r.noun = 'template' AND r.state ->> 'kind' = $1 AND NOT r.removed
    AND r.state @> ANY ($2::jsonb[]) AND ($3 = '' OR r.state ->> 'name' ILIKE $3)
    AND ($10::text[] IS NULL OR r.id = ANY ($10)) AND ($11 = '' OR r.state ->> 'name' = $11)
    AND coalesce(d.attributes, '{}') @> $12::jsonb
    AND ($13::boolean IS NULL OR coalesce(d.public, false) = $13)
    AND ($7::text[] IS NULL OR r.account_id = ANY ($7)
        OR ($8 <> '' AND d.public AND ($8 = 'public' OR d.featured = ($8 = 'featured')))
        OR EXISTS (SELECT FROM launch_permissions AS p
            WHERE p.noun = r.noun AND p.id = r.id AND p.account_id = ANY ($9::text[])))
    LIMIT $14) AS counted
-- name: newest_shown
-- As newest_of_accounts, and what is public or shared with one of the accounts.
WITH heads AS MATERIALIZED (
    SELECT seen.account_id, head.created FROM unnest($7::text[]) AS seen (account_id)
    CROSS JOIN LATERAL (
        SELECT created, id FROM resources
        WHERE noun = $1 AND NOT removed AND account_id = seen.account_id
            AND ($2::timestamptz IS NULL OR (created, id) < ($2, $3)) AND created >= $6
            AND state @> ANY ($4::jsonb[])
        ORDER BY created DESC, id DESC LIMIT 1) AS head
    ORDER BY head.created DESC, head.id DESC LIMIT $5
), edge AS (
    SELECT CASE WHEN count(*) = $5 THEN min(created) END AS created FROM heads
), found AS (
    (SELECT own.* FROM heads CROSS JOIN LATERAL (
        SELECT id, created FROM resources
        WHERE noun = $1 AND NOT removed AND account_id = heads.account_id
            AND ($2::timestamptz IS NULL OR (created, id) < ($2, $3))
            AND created >= greatest($6, (SELECT created FROM edge))
            AND state @> ANY ($4::jsonb[])
        ORDER BY created DESC, id DESC LIMIT $5) AS own)
    UNION (SELECT r.id, r.created FROM descriptions AS d JOIN resources AS r USING (noun, id)
        WHERE d.noun = $1 AND d.public AND NOT r.removed
            AND ($2::timestamptz IS NULL OR (d.created, d.id) < ($2, $3)) AND d.created >= $6
            AND r.state @> ANY ($4::jsonb[])
        ORDER BY d.created DESC, d.id DESC LIMIT $5)
    UNION (SELECT r.id, r.created FROM launch_permissions AS p JOIN resources AS r USING (noun, id)
        WHERE p.noun = $1 AND p.account_id = ANY ($7::text[]) AND NOT r.removed
            AND ($2::timestamptz IS NULL OR (r.created, r.id) < ($2, $3)) AND r.created >= $6
            AND r.state @> ANY ($4::jsonb[])
        ORDER BY r.created DESC, r.id DESC LIMIT $5)
)
SELECT r.* FROM (SELECT id FROM found ORDER BY created DESC, id DESC LIMIT $5) AS first
JOIN resources AS r ON r.noun = $1 AND r.id = first.id
ORDER BY r.created DESC, r.id DESC
-- name: newest_shown_of_name
-- As newest_shown, of one name.
SELECT * FROM resources AS r
WHERE noun = $1 AND state ->> 'name' = $8 AND NOT removed
    AND ($2::timestamptz IS NULL OR (created, id) < ($2, $3)) AND created >= $6
    AND (account_id = ANY ($7::text[])
        OR EXISTS (SELECT FROM descriptions AS d
            WHERE d.noun = r.noun AND d.id = r.id AND d.public)
        OR EXISTS (SELECT FROM launch_permissions AS p
            WHERE p.noun = r.noun AND p.id = r.id AND p.account_id = ANY ($7::text[])))
    AND state @> ANY ($4::jsonb[])
ORDER BY created DESC, id DESC LIMIT $5
-- name: plan_each_time
-- For the rest of the transaction: what fits a list of many does not fit one of few.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true)
-- name: states_of
-- Of resources of a noun by their ids, whatever became of them.
SELECT id, state FROM resources WHERE noun = $1 AND id = ANY ($2::text[])
-- name: states_around
-- Of resources by their nouns and ids, whatever became of them.
SELECT noun, id, state FROM resources
WHERE (noun, id) IN (SELECT * FROM unnest($1::text[], $2::text[]) AS wanted (noun, id))
-- name: told_of
-- Descriptions of objects, where they have one, with their newest pending job.
SELECT wanted.id, d.public, d.featured, d.extractable, d.attributes, j.id AS job_id
FROM unnest($2::text[]) AS wanted (id)
LEFT JOIN descriptions AS d ON d.noun = $1 AND d.id = wanted.id
LEFT JOIN LATERAL (
    SELECT id FROM async_jobs WHERE noun = $1 AND subject_id = wanted.id AND status = 0
    ORDER BY created DESC LIMIT 1) AS j ON true
