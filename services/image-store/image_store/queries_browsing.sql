-- Stores looked at as folders.

-- name: entries_below
-- Names right below prefix $2 on a store: from each, the next key that is not in it is looked up,
-- so that a folder costs as much as a file, whatever is in it.
WITH RECURSIVE step AS (
    SELECT 0 AS n, NULL::text COLLATE "C" AS key, NULL::text COLLATE "C" AS name,
        false AS folder, $2::text COLLATE "C" AS bound
    UNION ALL
    SELECT step.n + 1, next.key, split_part(rest.path, '/', 1), strpos(rest.path, '/') > 0,
        CASE WHEN strpos(rest.path, '/') > 0 THEN $2 || split_part(rest.path, '/', 1) || '0'
        ELSE next.key || E'\x01' END
    FROM step CROSS JOIN LATERAL (SELECT least(
        (SELECT install_path COLLATE "C" FROM object_store_ref
            WHERE store_id = $1 AND install_path COLLATE "C" >= step.bound AND state = 'Ready'
            ORDER BY install_path COLLATE "C" LIMIT 1),
        (SELECT key COLLATE "C" FROM findings
            WHERE store_id = $1 AND kind = 'orphan' AND key COLLATE "C" >= step.bound
            ORDER BY key COLLATE "C" LIMIT 1)) AS key) AS next
    CROSS JOIN LATERAL (SELECT substr(next.key, length($2) + 1) AS path) AS rest
    WHERE step.n < $3 AND starts_with(next.key, $2)
)
SELECT key, name, folder FROM step WHERE n > 0 ORDER BY n
-- name: entry_at
-- One key itself.
SELECT $2::text AS key, reverse(split_part(reverse($2), '/', 1)) AS name, false AS folder
WHERE EXISTS (SELECT FROM object_store_ref WHERE store_id = $1 AND state = 'Ready'
        AND install_path COLLATE "C" = $2)
    OR EXISTS (SELECT FROM findings WHERE store_id = $1 AND kind = 'orphan' AND key = $2)
-- name: entries_known
-- What is at keys $2.
SELECT r.install_path AS key, r.size, r.kind, r.object_id, o.name, r.format, r.updated
FROM object_store_ref r JOIN stored_object o ON o.noun = r.noun AND o.id = r.object_id
WHERE r.store_id = $1 AND r.install_path COLLATE "C" = ANY ($2) AND r.state = 'Ready'
UNION ALL
SELECT f.key, f.size, NULL, NULL, NULL, NULL, f.last_seen FROM findings f
WHERE f.store_id = $1 AND f.kind = 'orphan' AND f.key = ANY ($2)
