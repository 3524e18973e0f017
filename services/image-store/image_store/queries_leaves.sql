-- name: leaves_kept
SELECT EXISTS (SELECT FROM leaf_lists WHERE digest = $1)
-- name: leaf_list
SELECT * FROM leaf_lists WHERE digest = $1
-- name: stage_leaves
INSERT INTO digest_leaves (digest, hop_id, first, leaves, kept)
VALUES ($1, $2, $3, $4, stowage_now())
ON CONFLICT (digest, hop_id, first) DO UPDATE SET leaves = EXCLUDED.leaves
-- name: staged_leaves
SELECT first, leaves FROM digest_leaves WHERE digest = $1 AND hop_id = $2 ORDER BY first
-- name: leaves_at
SELECT first, leaves FROM digest_leaves WHERE digest = $1 AND hop_id = $2 AND first = $3
-- name: list_leaves
INSERT INTO leaf_lists (digest, hop_id, count, kept) VALUES ($1, $2, $3, stowage_now())
ON CONFLICT DO NOTHING
-- name: unstage_leaves
DELETE FROM digest_leaves WHERE digest = $1 AND hop_id = $2
-- name: forget_leaf_lists
-- Nobody's replica has these bytes; a list is kept before its replica is known.
DELETE FROM leaf_lists l WHERE kept < stowage_now() - make_interval(secs => $1)
    AND NOT EXISTS (SELECT FROM object_store_ref r WHERE r.digest = l.digest)
-- name: forget_leaves
DELETE FROM digest_leaves d WHERE kept < stowage_now() - make_interval(secs => $1)
    AND NOT EXISTS (
        SELECT FROM leaf_lists l WHERE l.digest = d.digest AND l.hop_id = d.hop_id
    )
-- name: grant_digest
-- A live grant, what its replica holds, and what its object is known to be.
SELECT g.writes, g.state, coalesce(r.role, '') AS role, r.digest
FROM grants g LEFT JOIN object_store_ref r ON r.id = g.ref_id WHERE g.id = $1
