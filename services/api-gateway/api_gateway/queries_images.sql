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
