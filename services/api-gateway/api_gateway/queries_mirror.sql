-- name: mirror.ask
-- Entities ($1) to look at some seconds from now; those that wait already learn that more came.
INSERT INTO mirror_looks AS look (noun, id, action, reason, deleted, events, asked, due)
SELECT noun, id, action, reason, deleted, events, stowage_now(),
    stowage_now() + make_interval(secs => wait)
FROM jsonb_to_recordset($1::text::jsonb) AS row (noun text, id text, action text, reason text,
    deleted boolean, events bigint, wait double precision)
ORDER BY noun, id
ON CONFLICT (noun, id) DO UPDATE SET
    action = CASE WHEN EXCLUDED.action = 'prefetch' THEN 'prefetch' ELSE look.action END,
    reason = EXCLUDED.reason, deleted = look.deleted OR EXCLUDED.deleted,
    events = look.events + EXCLUDED.events,
    due = CASE WHEN look.given_up THEN EXCLUDED.due ELSE least(look.due, EXCLUDED.due) END,
    asked = CASE WHEN look.given_up THEN EXCLUDED.asked ELSE look.asked END,
    attempts = CASE WHEN look.given_up THEN 0 ELSE look.attempts END,
    failing_since = CASE WHEN look.given_up THEN NULL ELSE look.failing_since END,
    given_up = false
RETURNING (xmax = 0) AS fresh
-- name: mirror.claim
-- The look that is due longest and that nobody ($1, for $2 seconds) has.
UPDATE mirror_looks SET lease = $1,
    leased_until = stowage_now() + make_interval(secs => $2), attempts = attempts + 1
WHERE (noun, id) IN (
    SELECT noun, id FROM mirror_looks
    WHERE NOT given_up AND due <= stowage_now()
        AND (leased_until IS NULL OR leased_until < stowage_now())
    ORDER BY due LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING *
-- name: mirror.renew
UPDATE mirror_looks SET leased_until = stowage_now() + make_interval(secs => $4)
WHERE noun = $1 AND id = $2 AND lease = $3
-- name: mirror.settle
-- It was looked at; what came meanwhile ($4 is what it knew of) is looked at once more.
WITH done AS (
    DELETE FROM mirror_looks WHERE noun = $1 AND id = $2 AND lease = $3 AND events = $4
    RETURNING 1
), again AS (
    UPDATE mirror_looks SET lease = NULL, leased_until = NULL, attempts = 0, error = NULL,
        failing_since = NULL, due = stowage_now()
    WHERE noun = $1 AND id = $2 AND lease = $3 AND events <> $4 RETURNING 1
)
SELECT 1 FROM done UNION ALL SELECT 1 FROM again
-- name: mirror.postpone
-- Tried in vain ($4 is why): again in $5 seconds, but not for longer than $6.
UPDATE mirror_looks SET lease = NULL, leased_until = NULL, error = $4::text::jsonb,
    due = stowage_now() + make_interval(secs => $5),
    failing_since = coalesce(failing_since, stowage_now()),
    given_up = coalesce(failing_since, stowage_now())
        < stowage_now() - make_interval(secs => $6)
WHERE noun = $1 AND id = $2 AND lease = $3 RETURNING given_up
-- name: mirror.release
-- Not its fault: as if it had not been tried.
UPDATE mirror_looks SET lease = NULL, leased_until = NULL, attempts = greatest(attempts - 1, 0)
WHERE noun = $1 AND id = $2 AND lease = $3
-- name: mirror.revive
-- What was given up is tried again.
UPDATE mirror_looks SET given_up = false, attempts = 0, failing_since = NULL, due = stowage_now()
WHERE given_up
-- name: mirror.looks
SELECT noun, id, action, reason, events, asked, due, attempts, given_up, error FROM mirror_looks
WHERE $1::boolean IS NULL OR given_up = $1 ORDER BY asked DESC, noun, id LIMIT $2
-- name: mirror.pending
SELECT count(*) FILTER (WHERE NOT given_up) AS pending,
    count(*) FILTER (WHERE given_up) AS given_up, min(asked) FILTER (WHERE NOT given_up) AS oldest,
    stowage_now() AS now
FROM mirror_looks
-- name: mirror.entities_known
SELECT * FROM mirror_entities WHERE noun = $1 AND id = ANY ($2::text[])
-- name: mirror.resources_known
SELECT id, state, removed FROM resources WHERE noun = $1 AND id = ANY ($2::text[])
-- name: mirror.ids
SELECT id FROM resources WHERE noun = $1 AND NOT removed
-- name: mirror.keep
-- What was seen ($1); what was decided of it is told anew each time.
INSERT INTO mirror_entities AS entity
    (noun, id, account_id, facts, outcome, steps, first_seen, seen, gone)
SELECT noun, id, account_id, facts, outcome, steps, stowage_now(), stowage_now(),
    CASE WHEN gone THEN stowage_now() END
FROM jsonb_to_recordset($1::text::jsonb) AS row (noun text, id text, account_id text,
    facts jsonb, outcome text, steps jsonb, gone boolean)
ORDER BY noun, id
ON CONFLICT (noun, id) DO UPDATE SET seen = EXCLUDED.seen,
    account_id = CASE WHEN EXCLUDED.gone IS NULL THEN EXCLUDED.account_id
        ELSE entity.account_id END,
    facts = CASE WHEN EXCLUDED.gone IS NULL THEN EXCLUDED.facts
        ELSE entity.facts || EXCLUDED.facts END,
    outcome = EXCLUDED.outcome, steps = EXCLUDED.steps,
    gone = CASE WHEN EXCLUDED.gone IS NULL THEN NULL ELSE coalesce(entity.gone, EXCLUDED.gone) END
-- name: mirror.unseen
-- Entities a whole look at their noun, begun at $2, did not meet.
SELECT id FROM mirror_entities
WHERE noun = $1 AND gone IS NULL AND seen < $2 ORDER BY seen LIMIT $3
-- name: mirror.lost
-- Places have nothing that tells of their end: what CloudStack no longer lists is gone there.
UPDATE mirror_entities SET gone = stowage_now(), outcome = 'gone', steps = '[]'
WHERE noun = ANY ($1::text[]) AND gone IS NULL AND seen < $2
-- name: mirror.entities
SELECT noun, id, account_id, facts, outcome, steps, first_seen, seen, gone FROM mirror_entities
WHERE ($1::text IS NULL OR noun = $1) AND ($2::text IS NULL OR outcome = $2)
    AND ($3::timestamptz IS NULL OR (first_seen, id) < ($3, $4))
ORDER BY first_seen DESC, id DESC LIMIT $5
-- name: mirror.census
SELECT noun, outcome, count(*) AS count FROM mirror_entities WHERE gone IS NULL
GROUP BY noun, outcome ORDER BY noun, outcome
-- name: mirror.count
INSERT INTO mirror_figures AS figure (name, count, at, told)
SELECT name, count, at, told
FROM jsonb_to_recordset($1::text::jsonb) AS row (
    name text, count bigint, at timestamptz, told text)
ORDER BY name
ON CONFLICT (name) DO UPDATE SET count = figure.count + EXCLUDED.count,
    at = greatest(figure.at, EXCLUDED.at), told = coalesce(EXCLUDED.told, figure.told)
-- name: mirror.figures
SELECT name, count, at, told FROM mirror_figures
-- name: mirror.told
SELECT told FROM mirror_figures WHERE name = $1
-- name: mirror.crowded
-- Whether so many looks ($1) wait that one of a whole noun is less.
SELECT count(*) >= $1 FROM (SELECT FROM mirror_looks LIMIT $1) AS found
-- name: mirror.forget
DELETE FROM mirror_entities WHERE gone < stowage_now() - make_interval(days => $1)
