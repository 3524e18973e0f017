-- Tables every service has in its own schema: clock, outbox, inbox, intents, dead letters.

CREATE TABLE clock (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    shift interval NOT NULL DEFAULT '0'
);
INSERT INTO clock DEFAULT VALUES;

-- The one source of time in SQL: the transaction's start, moved by what a test put in clock.
CREATE FUNCTION stowage_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
    RETURN transaction_timestamp() + (SELECT shift FROM clock);

CREATE TABLE subjects (
    subject text PRIMARY KEY,
    sequence bigint NOT NULL
) WITH (fillfactor = 70);

CREATE TABLE outbox (
    id bigserial PRIMARY KEY,
    message_id text NOT NULL,
    type text NOT NULL,
    subject text NOT NULL,
    sequence bigint NOT NULL,
    version integer NOT NULL,
    said timestamptz NOT NULL,
    traceparent text NOT NULL,
    correlation text NOT NULL,
    causation text NOT NULL,
    to_address text NOT NULL,
    mandatory boolean NOT NULL,
    data jsonb NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL,
    last_error text NOT NULL DEFAULT ''
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
-- The first message of a subject that could not be delivered holds the later ones back.
CREATE INDEX outbox_held ON outbox (subject) WHERE attempts > 0;

CREATE TABLE inbox (
    message_id text PRIMARY KEY,
    received timestamptz NOT NULL
);
CREATE INDEX inbox_received ON inbox (received);

CREATE TABLE intents (
    id bigserial PRIMARY KEY,
    kind text NOT NULL,
    key text NOT NULL,
    payload jsonb NOT NULL,
    traceparent text NOT NULL,
    correlation text NOT NULL,
    causation text NOT NULL,
    created timestamptz NOT NULL,
    deadline timestamptz NOT NULL,
    run_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    owner text NOT NULL DEFAULT '',
    leased_until timestamptz,
    last_error text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX intents_once ON intents (kind, key) WHERE key <> '';
CREATE INDEX intents_due ON intents (kind, run_at);

-- Of the in-process bus; RabbitMQ keeps its own in a queue.
CREATE TABLE dead_letters (
    queue text NOT NULL,
    id text NOT NULL,
    type text NOT NULL,
    subject text NOT NULL,
    source text NOT NULL,
    attempts integer NOT NULL,
    reason jsonb NOT NULL,
    died timestamptz NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (queue, id)
);
