CREATE TABLE accounts (
    id text PRIMARY KEY, name text NOT NULL, admin boolean NOT NULL, created timestamptz NOT NULL
);
-- Only a hash of the API key is kept; the secret key (for signatures) is sealed for its row.
CREATE TABLE api_keys (
    id text PRIMARY KEY, account_id text NOT NULL REFERENCES accounts,
    key_hash text NOT NULL UNIQUE, sealed_secret text NOT NULL, created timestamptz NOT NULL
);
-- Public state of every noun, one generic projection: the newest sequence wins.
CREATE TABLE resources (
    noun text NOT NULL, id text NOT NULL, account_id text NOT NULL DEFAULT '',
    sequence bigint NOT NULL, state jsonb NOT NULL, removed boolean NOT NULL DEFAULT false,
    created timestamptz NOT NULL, updated timestamptz NOT NULL, PRIMARY KEY (noun, id)
);
CREATE INDEX resources_page ON resources (noun, created DESC, id DESC) WHERE NOT removed;
-- One-time join tokens of hosts.
CREATE TABLE join_tokens (
    host_id text PRIMARY KEY, token_hash text NOT NULL, expires timestamptz NOT NULL,
    used timestamptz
);
CREATE TABLE idempotency (
    account_id text NOT NULL, key text NOT NULL, request_hash text NOT NULL,
    reply jsonb NOT NULL, created timestamptz NOT NULL, PRIMARY KEY (account_id, key)
);
-- What happened, for server-sent events that resume; trimmed by age.
CREATE TABLE feed (
    id bigserial PRIMARY KEY, at timestamptz NOT NULL, type text NOT NULL, noun text NOT NULL,
    subject_id text NOT NULL, account_id text NOT NULL, body jsonb NOT NULL
);
