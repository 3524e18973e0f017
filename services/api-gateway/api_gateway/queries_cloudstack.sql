-- name: add_job
INSERT INTO async_jobs
    (id, account_id, user_id, command, noun, subject_id, facts, created, looked)
VALUES ($1, $2, $3, $4, $5, $6, $7, stowage_now(), stowage_now())
-- name: job
SELECT * FROM async_jobs WHERE id = $1 AND ($2::text[] IS NULL OR account_id = ANY ($2))
-- name: end_job
UPDATE async_jobs SET status = $2, code = $3, error = $4, completed = stowage_now()
WHERE id = $1 AND status = 0
-- name: jobs_pending
-- In turn: who was looked at longest ago, so that many that wait for long hide no other.
UPDATE async_jobs SET looked = stowage_now() WHERE id IN (
    SELECT id FROM async_jobs WHERE status = 0 ORDER BY looked LIMIT $1)
RETURNING *
-- name: jobs
-- Newest first, begun since $1 and of subject $2 of one of nouns $3, where those are given.
SELECT * FROM async_jobs
WHERE ($1::timestamptz IS NULL OR created >= $1) AND ($2 = '' OR subject_id = $2)
    AND ($3::text[] IS NULL OR noun = ANY ($3))
ORDER BY created DESC, id DESC OFFSET $4 LIMIT $5
-- name: jobs_of_accounts
-- As jobs, of accounts $6: a page of each, merged.
SELECT found.* FROM unnest($6::text[]) AS seen (account_id) CROSS JOIN LATERAL (
    SELECT * FROM async_jobs
    WHERE account_id = seen.account_id AND ($1::timestamptz IS NULL OR created >= $1)
        AND ($2 = '' OR subject_id = $2) AND ($3::text[] IS NULL OR noun = ANY ($3))
    ORDER BY created DESC, id DESC LIMIT $4::bigint + $5::bigint) AS found
ORDER BY created DESC, id DESC OFFSET $4 LIMIT $5
-- name: count_jobs
SELECT count(*) FROM (SELECT FROM async_jobs
    WHERE ($1::text[] IS NULL OR account_id = ANY ($1))
        AND ($2::timestamptz IS NULL OR created >= $2) AND ($3 = '' OR subject_id = $3)
        AND ($4::text[] IS NULL OR noun = ANY ($4))
    LIMIT $5) AS found
-- name: last_job_of
-- The newest job of a subject that one of accounts $3 began.
SELECT * FROM async_jobs
WHERE subject_id = $1 AND noun = ANY ($2::text[])
    AND ($3::text[] IS NULL OR account_id = ANY ($3))
ORDER BY created DESC, id DESC LIMIT 1
-- name: jobs_old
DELETE FROM async_jobs WHERE id IN (
    SELECT id FROM async_jobs
    WHERE status <> 0 AND completed < stowage_now() - make_interval(secs => $1)
    ORDER BY created LIMIT $2)

-- name: places
-- Zones and what is in them: few, oldest first.
SELECT id, state FROM resources WHERE noun = $1 AND NOT removed ORDER BY created, id
