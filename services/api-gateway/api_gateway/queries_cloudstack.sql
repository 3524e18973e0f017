-- name: signer
-- Whose API key it is, with what its requests are signed with.
SELECT a.*, k.id AS key_id, k.sealed_secret
FROM accounts a JOIN api_keys k ON k.account_id = a.id WHERE k.key_hash = $1

-- name: add_job
INSERT INTO async_jobs
    (id, account_id, user_id, command, noun, subject_id, facts, created, looked)
VALUES ($1, $2, $3, $4, $5, $6, $7, stowage_now(), stowage_now())
-- name: job
SELECT * FROM async_jobs WHERE id = $1 AND ($2 = '' OR account_id = $2)
-- name: end_job
UPDATE async_jobs SET status = $2, code = $3, error = $4, completed = stowage_now()
WHERE id = $1 AND status = 0
-- name: jobs_pending
-- In turn: who was looked at longest ago, so that many that wait for long hide no other.
UPDATE async_jobs SET looked = stowage_now() WHERE id IN (
    SELECT id FROM async_jobs WHERE status = 0 ORDER BY looked LIMIT $1)
RETURNING *
-- name: jobs
SELECT * FROM async_jobs
WHERE ($1 = '' OR account_id = $1) AND ($2::timestamptz IS NULL OR created >= $2)
ORDER BY created DESC, id DESC OFFSET $3 LIMIT $4
-- name: count_jobs
SELECT count(*) FROM async_jobs
WHERE ($1 = '' OR account_id = $1) AND ($2::timestamptz IS NULL OR created >= $2)
-- name: jobs_of
-- Pending jobs of these subjects of a noun: lists tell them.
SELECT DISTINCT ON (subject_id) subject_id, id FROM async_jobs
WHERE status = 0 AND noun = $1 AND subject_id = ANY ($2::text[]) ORDER BY subject_id, created DESC
-- name: jobs_old
DELETE FROM async_jobs WHERE id IN (
    SELECT id FROM async_jobs
    WHERE status <> 0 AND completed < stowage_now() - make_interval(secs => $1)
    ORDER BY created LIMIT $2)

-- name: places
-- Zones and what is in them: few, oldest first.
SELECT id, state FROM resources WHERE noun = $1 AND NOT removed ORDER BY created, id
