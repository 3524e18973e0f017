-- Lists, and what conditional changes look at.

-- name: count_order
-- One more change of it was ordered; the row stays locked until that is said.
UPDATE resources SET orders = orders + $3 WHERE noun = $1 AND id = $2 AND NOT removed
RETURNING sequence, orders
-- name: newest
-- Newest first; $2/$3 are the last row of the page before, each state matches one of $4, none was
-- created before $6.
SELECT * FROM resources
WHERE noun = $1 AND NOT removed AND ($2::timestamptz IS NULL OR (created, id) < ($2, $3))
    AND created >= $6 AND state @> ANY ($4::jsonb[])
ORDER BY created DESC, id DESC LIMIT $5
-- name: newest_of_accounts
-- As newest, of what accounts $7 have ('': what is everybody's). A page of $5 rows is of the $5
-- accounts at most whose newest rows are newest of all, and not older than the last of these.
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
)
SELECT found.* FROM heads CROSS JOIN LATERAL (
    SELECT * FROM resources
    WHERE noun = $1 AND NOT removed AND account_id = heads.account_id
        AND ($2::timestamptz IS NULL OR (created, id) < ($2, $3))
        AND created >= greatest($6, (SELECT created FROM edge))
        AND state @> ANY ($4::jsonb[])
    ORDER BY created DESC, id DESC LIMIT $5) AS found
ORDER BY created DESC, id DESC LIMIT $5
-- name: newest_of_name
-- As newest, of one name; of accounts $7 where that is given.
SELECT * FROM resources
WHERE noun = $1 AND state ->> 'name' = $8 AND NOT removed
    AND ($2::timestamptz IS NULL OR (created, id) < ($2, $3)) AND created >= $6
    AND ($7::text[] IS NULL OR account_id = ANY ($7)) AND state @> ANY ($4::jsonb[])
ORDER BY created DESC, id DESC LIMIT $5
-- name: newest_in_state
-- As newest, of one state.
SELECT * FROM resources
WHERE noun = $1 AND state ->> 'state' = $7 AND NOT removed
    AND ($2::timestamptz IS NULL OR (created, id) < ($2, $3)) AND created >= $6
    AND state @> ANY ($4::jsonb[])
ORDER BY created DESC, id DESC LIMIT $5

-- name: feed_trimmed
-- The newest event that is kept no more.
SELECT tx, id FROM feed_trimmed
