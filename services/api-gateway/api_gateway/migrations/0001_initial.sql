CREATE TABLE accounts (
    id text PRIMARY KEY, name text NOT NULL, admin boolean NOT NULL, created timestamptz NOT NULL
);
-- Only a hash of the API key is kept; the secret key (for signatures) is sealed for its row.
CREATE TABLE api_keys (
    id text PRIMARY KEY, account_id text NOT NULL REFERENCES accounts,
    key_hash text NOT NULL UNIQUE, sealed_secret text NOT NULL, created timestamptz NOT NULL
);
-- Public state of every noun, one generic projection: the newest sequence wins. A moving copy also
-- has its newest progress report.
CREATE TABLE resources (
    noun text NOT NULL, id text NOT NULL, account_id text NOT NULL DEFAULT '',
    sequence bigint NOT NULL, state jsonb NOT NULL, removed boolean NOT NULL DEFAULT false,
    created timestamptz NOT NULL, updated timestamptz NOT NULL,
    progress jsonb, progressed timestamptz, PRIMARY KEY (noun, id)
);
CREATE INDEX resources_page ON resources (noun, created DESC, id DESC) WHERE NOT removed;
CREATE INDEX resources_progressed ON resources (progressed) WHERE progressed IS NOT NULL;
CREATE INDEX resources_pending ON resources (created) WHERE sequence = 0;
-- One-time join tokens of hosts.
CREATE TABLE join_tokens (
    host_id text PRIMARY KEY, token_hash text NOT NULL, expires timestamptz NOT NULL,
    used timestamptz
);
CREATE TABLE idempotency (
    account_id text NOT NULL, key text NOT NULL, request_hash text NOT NULL,
    reply jsonb NOT NULL, created timestamptz NOT NULL, PRIMARY KEY (account_id, key)
);
CREATE INDEX idempotency_created ON idempotency (created);
-- What happened, for server-sent events that resume; trimmed by age. Numbers alone would not do:
-- they are given before the commit, and a smaller one may appear after a bigger one was shown.
CREATE TABLE feed (
    tx bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint, id bigserial,
    at timestamptz NOT NULL, type text NOT NULL, noun text NOT NULL, subject_id text NOT NULL,
    account_id text NOT NULL, body jsonb NOT NULL, PRIMARY KEY (tx, id)
);
CREATE INDEX feed_at ON feed (at);
