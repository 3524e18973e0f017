-- Statements of the runtime itself. Names start with "runtime." so that no service's can clash.

-- name: runtime.now
SELECT stowage_now()

-- name: runtime.say
-- Gives each message the next number of its subject; the subject's row stays locked until commit,
-- so that numbers rise in commit order. Locks are taken in the order of subjects. Events, which have
-- no address, are also counted by themselves.
WITH said AS (
    SELECT *, count(*) FILTER (WHERE to_address = '') OVER so_far AS events_so_far
    FROM ROWS FROM (jsonb_to_recordset($1) AS (
        message_id text, type text, subject text, version integer, traceparent text,
        correlation text, causation text, to_address text, mandatory boolean, data jsonb
    )) WITH ORDINALITY AS row (
        message_id, type, subject, version, traceparent,
        correlation, causation, to_address, mandatory, data, place
    )
    WINDOW so_far AS (PARTITION BY subject ORDER BY place)
), counted AS (
    INSERT INTO subjects AS s (subject, sequence, events)
    SELECT subject, count(*), count(*) FILTER (WHERE to_address = '')
    FROM said GROUP BY subject ORDER BY subject
    ON CONFLICT (subject) DO UPDATE
    SET sequence = s.sequence + excluded.sequence, events = s.events + excluded.events
    RETURNING s.subject, s.sequence AS last, s.events AS last_event
)
INSERT INTO outbox (message_id, type, subject, sequence, number, version, said, traceparent,
    correlation, causation, to_address, mandatory, data, next_at)
SELECT message_id, type, subject,
    last - count(*) OVER (PARTITION BY subject)
        + row_number() OVER (PARTITION BY subject ORDER BY place),
    CASE WHEN to_address = '' THEN
        last_event - count(*) FILTER (WHERE to_address = '') OVER (PARTITION BY subject)
            + events_so_far ELSE 0 END,
    version, stowage_now(), traceparent, correlation, causation, to_address, mandatory, data,
    stowage_now()
FROM said JOIN counted USING (subject) ORDER BY place
RETURNING id, message_id, sequence, number

-- name: runtime.intend
INSERT INTO intents (kind, key, payload, traceparent, correlation, causation, created, deadline,
    run_at)
VALUES ($1, $2, $3, $4, $5, $6, stowage_now(), stowage_now() + $7::interval,
    stowage_now() + make_interval(secs => $8))
ON CONFLICT (kind, key) WHERE key <> '' DO NOTHING

-- name: runtime.received
-- Answers the time for each message that was not handled before.
INSERT INTO inbox (message_id, received)
SELECT key, stowage_now() FROM unnest($1::text[]) AS key ORDER BY key
ON CONFLICT DO NOTHING RETURNING message_id, received

-- name: runtime.forget
DELETE FROM inbox WHERE message_id IN (
    SELECT message_id FROM inbox WHERE received < stowage_now() - $1::interval
    ORDER BY received LIMIT $2
)

-- name: runtime.claim
-- Lease due intents to worker $1 for $2 seconds: of each kind in $3 as many as $4 says.
WITH due AS MATERIALIZED (
    SELECT found.id
    FROM unnest($3::text[], $4::integer[]) AS wanted (kind, free)
    CROSS JOIN LATERAL (
        SELECT id FROM intents
        WHERE kind = wanted.kind AND run_at <= stowage_now()
            AND (leased_until IS NULL OR leased_until < stowage_now())
        ORDER BY run_at LIMIT wanted.free FOR UPDATE SKIP LOCKED
    ) AS found
)
UPDATE intents SET owner = $1, attempts = attempts + 1,
    leased_until = stowage_now() + make_interval(secs => $2)
FROM due WHERE intents.id = due.id
RETURNING intents.*, stowage_now() AS now

-- name: runtime.renew
UPDATE intents SET leased_until = stowage_now() + make_interval(secs => $2)
WHERE owner = $1 AND id = ANY($3::bigint[]) RETURNING id

-- name: runtime.settle
-- Only who still owns the lease may end an intent: $2 the worker, $3 its attempt.
DELETE FROM intents WHERE id = $1 AND owner = $2 AND attempts = $3

-- name: runtime.postpone
UPDATE intents SET run_at = stowage_now() + make_interval(secs => $4), owner = '',
    leased_until = NULL, last_error = $5
WHERE id = $1 AND owner = $2 AND attempts = $3

-- name: runtime.hand_back
UPDATE intents SET owner = '', leased_until = NULL, attempts = attempts - 1 WHERE owner = $1

-- name: runtime.said
SELECT * FROM outbox ORDER BY id

-- name: runtime.forget_said
DELETE FROM outbox

-- name: runtime.pending
SELECT kind, key, payload, attempts, run_at, deadline, last_error FROM intents ORDER BY id

-- name: runtime.shift_clock
UPDATE clock SET shift = shift + $1::interval

-- name: runtime.alone
SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))

-- name: runtime.turn
-- Forget what was confirmed ($1); answer the next messages of subjects that are not under way ($2),
-- oldest first, at most $3. A message waits behind an earlier one of its subject and address that
-- could not be delivered.
WITH gone AS (DELETE FROM outbox WHERE id = ANY($1::bigint[]))
SELECT said.*, stowage_now() AS now FROM outbox AS said
WHERE said.id <> ALL($1::bigint[]) AND said.subject <> ALL($2::text[])
    AND NOT EXISTS (
        SELECT FROM outbox AS held
        WHERE held.subject = said.subject AND held.to_address = said.to_address
            AND held.attempts > 0 AND held.next_at > stowage_now() AND held.id <> ALL($1::bigint[])
    )
ORDER BY said.id LIMIT $3

-- name: runtime.gone
DELETE FROM outbox WHERE id = ANY($1::bigint[])

-- name: runtime.refused
-- Counts a refusal of $1; a row when that has gone on for longer than $4.
WITH counted AS (
    UPDATE outbox SET attempts = attempts + 1, last_error = $2,
        next_at = stowage_now() + make_interval(secs => $3)
    WHERE id = $1 RETURNING said
)
SELECT said FROM counted WHERE stowage_now() - said > $4::interval

-- name: runtime.backlog
SELECT count(*) AS depth, count(*) FILTER (WHERE attempts > 0) AS refused,
    coalesce(extract(epoch FROM stowage_now() - min(said)), 0)::float8 AS age
FROM outbox

-- name: runtime.bury
-- $1 id, $2 queue, $3 type, $4 subject, $5 source, $6 attempts, $7 body, $8 reason, $9 died
INSERT INTO dead_letters (id, queue, type, subject, source, attempts, body, reason, died)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (queue, id) DO UPDATE
SET attempts = excluded.attempts, reason = excluded.reason, died = excluded.died

-- name: runtime.dead_letters
-- Those of reader $1, whose queue has its name; the agents' queues are read together. $2 an id or NULL.
SELECT * FROM dead_letters
WHERE (queue = $1 OR $1 = 'hypervisor-agent' AND starts_with(queue, 'agent.'))
    AND ($2::text IS NULL OR id = $2)
ORDER BY died, id LIMIT $3

-- name: runtime.exhume
DELETE FROM dead_letters WHERE queue = $1 AND id = $2
