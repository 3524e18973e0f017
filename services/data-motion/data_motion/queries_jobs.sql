-- Jobs as JSON texts, many at once: what a batch of messages needs costs a statement, not one each.

-- name: lock_copies
-- In the order of ids, so that two batches never wait for each other.
SELECT id, to_jsonb(c)::text AS copy FROM copies AS c WHERE id = ANY($1::text[])
ORDER BY id FOR UPDATE

-- name: lock_copies_if_free
SELECT id, to_jsonb(c)::text AS copy FROM copies AS c WHERE id = ANY($1::text[])
ORDER BY id FOR UPDATE SKIP LOCKED

-- name: parts_of_copies
-- A statement of its own: it must see what was committed while the locks were waited for.
SELECT c.id,
    (SELECT jsonb_agg(to_jsonb(a) ORDER BY a.created, a.id) FROM askers AS a
        WHERE a.copy_id = c.id)::text AS askers,
    (SELECT jsonb_agg(to_jsonb(h) ORDER BY h.ordinal) FROM hops AS h
        WHERE h.copy_id = c.id)::text AS hops
FROM unnest($1::text[]) AS c (id)

-- name: insert_copies
-- Those of the same bytes to the same place as another live copy are left out.
INSERT INTO copies SELECT * FROM jsonb_populate_recordset(NULL::copies, $1::text::jsonb)
ORDER BY source_key, destination_key
ON CONFLICT (source_key, destination_key)
    WHERE state IN ('requested', 'planned', 'waiting', 'running', 'paused') DO NOTHING
RETURNING id

-- name: copies_of_askers
SELECT id, copy_id FROM askers WHERE id = ANY($1::text[])

-- name: withdrawals
DELETE FROM withdrawn WHERE copy_id = ANY($1::text[]) RETURNING copy_id, reason
