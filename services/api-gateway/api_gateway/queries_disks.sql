-- name: disks
-- Volumes or snapshots ($1): of ids ($2) and accounts ($3, NULL: all), named so, in a zone, waiting
-- to be deleted or not.
SELECT r.* FROM resources AS r LEFT JOIN descriptions AS d USING (noun, id)
WHERE r.noun = $1 AND NOT r.removed AND r.state ->> 'removed' = 'false'
    AND ($2::text[] IS NULL OR r.id = ANY ($2)) AND ($3::text[] IS NULL OR r.account_id = ANY ($3))
    AND r.state @> ANY ($4::jsonb[]) AND ($5 = '' OR r.state ->> 'name' = $5)
    AND ($6 = '' OR r.state ->> 'name' ILIKE $6)
    AND ($7 = '' OR r.state -> 'scope' ->> 'zone_id' = $7
        OR r.state -> 'zones' @> jsonb_build_array(jsonb_build_object('zone_id', $7)))
    AND (coalesce(d.attributes ->> 'destroyed', '') <> '') = $8
ORDER BY r.created DESC, r.id DESC OFFSET $9::bigint LIMIT $10::bigint
-- name: count_disks
SELECT count(*) FROM (
    SELECT FROM resources AS r LEFT JOIN descriptions AS d USING (noun, id)
    WHERE r.noun = $1 AND NOT r.removed AND r.state ->> 'removed' = 'false'
        AND ($2::text[] IS NULL OR r.id = ANY ($2))
        AND ($3::text[] IS NULL OR r.account_id = ANY ($3))
        AND r.state @> ANY ($4::jsonb[]) AND ($5 = '' OR r.state ->> 'name' = $5)
        AND ($6 = '' OR r.state ->> 'name' ILIKE $6)
        AND ($7 = '' OR r.state -> 'scope' ->> 'zone_id' = $7
            OR r.state -> 'zones' @> jsonb_build_array(jsonb_build_object('zone_id', $7)))
        AND (coalesce(d.attributes ->> 'destroyed', '') <> '') = $8
    LIMIT $9::bigint) AS found
-- name: volumes_to_expunge
-- Destroyed so many seconds ago; taken once.
UPDATE descriptions SET attributes = attributes - 'destroyed' || '{"expunged": true}'
WHERE noun = 'volume' AND id IN (
    SELECT id FROM descriptions
    WHERE noun = 'volume' AND attributes ? 'destroyed'
        AND (attributes ->> 'destroyed')::timestamptz < stowage_now() - make_interval(secs => $1)
    ORDER BY id LIMIT $2)
RETURNING id
