-- Copies, who asked for them, their hops; what agents and stores said of themselves.

CREATE TABLE copies (
    id text PRIMARY KEY,
    source_key text NOT NULL,
    destination_key text NOT NULL,
    state text NOT NULL,
    request jsonb NOT NULL,
    account_id text NOT NULL,
    priority integer NOT NULL,
    strategy text NOT NULL,
    answers jsonb NOT NULL,
    plan jsonb NOT NULL,
    waiting_for text NOT NULL,
    cancelling text NOT NULL,
    transfer jsonb NOT NULL,
    signalled timestamptz,
    digest text,
    error jsonb,
    created timestamptz NOT NULL,
    deadline timestamptz,
    finished timestamptz
);
-- Single flight: one live copy of the same bytes to the same place.
CREATE UNIQUE INDEX copies_live ON copies (source_key, destination_key)
    WHERE state IN ('requested', 'planned', 'waiting', 'running');
CREATE INDEX copies_deadline ON copies (deadline) WHERE deadline IS NOT NULL;
CREATE INDEX copies_finished ON copies (finished) WHERE finished IS NOT NULL;

CREATE TABLE askers (
    id text PRIMARY KEY,
    copy_id text NOT NULL REFERENCES copies ON DELETE CASCADE,
    account_id text NOT NULL,
    object jsonb NOT NULL,
    destination jsonb NOT NULL,
    state text NOT NULL,
    created timestamptz NOT NULL
);
CREATE INDEX askers_copy ON askers (copy_id);

CREATE TABLE hops (
    id text PRIMARY KEY,
    copy_id text NOT NULL REFERENCES copies ON DELETE CASCADE,
    ordinal integer NOT NULL,
    state text NOT NULL,
    source jsonb NOT NULL,
    destination jsonb NOT NULL,
    must_run_on text,
    host_id text,
    boot_id text,
    endpoint_reason text NOT NULL,
    epoch integer NOT NULL,
    generation integer NOT NULL,
    attempts integer NOT NULL,
    excluded text[] NOT NULL,
    avoided text[] NOT NULL,
    preferred text,
    slots text[] NOT NULL,
    blocked_on text[],
    retry_at timestamptz,
    lease_until timestamptz,
    unreachable_since timestamptz,
    deadline timestamptz,
    nudge_at timestamptz,
    bytes_best bigint NOT NULL,
    bytes_at timestamptz,
    transfer jsonb NOT NULL,
    journaled jsonb NOT NULL,
    receipt jsonb,
    error jsonb,
    due timestamptz,
    UNIQUE (copy_id, ordinal)
);
CREATE INDEX hops_pending ON hops (retry_at) WHERE state = 'pending';
CREATE INDEX hops_running ON hops (host_id)
    WHERE state IN ('offered', 'moving', 'verified', 'committing');
CREATE INDEX hops_due ON hops (due) WHERE due IS NOT NULL;

CREATE TABLE agents (
    host_id text PRIMARY KEY,
    location jsonb NOT NULL,
    abilities jsonb NOT NULL,
    boot_id text NOT NULL,
    seen timestamptz NOT NULL
);

CREATE TABLE stores (
    id text PRIMARY KEY,
    view jsonb NOT NULL,
    sequence bigint NOT NULL
);

-- Cancels that overtook the request they cancel.
CREATE TABLE withdrawn (
    copy_id text PRIMARY KEY,
    reason text NOT NULL,
    created timestamptz NOT NULL
);

-- When the sweeper last ran: tells whether data-motion itself was away.
CREATE TABLE pulse (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    beat timestamptz NOT NULL
);

-- Locked by whoever gives out slots, so that two never give out the same one.
CREATE TABLE scheduling (one boolean PRIMARY KEY DEFAULT true CHECK (one));
INSERT INTO scheduling DEFAULT VALUES;
