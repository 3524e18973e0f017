-- Domains are a tree; ``lineage`` is the ids from ROOT down to a domain itself.
CREATE TABLE domains (
    id text PRIMARY KEY, name text NOT NULL, parent_id text REFERENCES domains,
    path text NOT NULL UNIQUE, lineage text[] NOT NULL, network_domain text NOT NULL DEFAULT '',
    created timestamptz NOT NULL
);
CREATE INDEX domains_parent ON domains (parent_id);
CREATE INDEX domains_lineage ON domains USING gin (lineage);
INSERT INTO domains (id, name, path, lineage, created)
VALUES ('root', 'ROOT', 'ROOT', '{root}', stowage_now());
ALTER TABLE accounts
    ADD COLUMN domain_id text NOT NULL DEFAULT 'root' REFERENCES domains,
    ADD COLUMN role text NOT NULL DEFAULT 'user'
        CHECK (role IN ('root_admin', 'domain_admin', 'user')),
    ADD COLUMN state text NOT NULL DEFAULT 'enabled'
        CHECK (state IN ('enabled', 'disabled', 'locked')),
    ADD COLUMN network_domain text NOT NULL DEFAULT '';
UPDATE accounts SET role = 'root_admin' WHERE admin;
ALTER TABLE accounts DROP COLUMN admin;
ALTER TABLE accounts
    ADD COLUMN admin boolean NOT NULL GENERATED ALWAYS AS (role = 'root_admin') STORED;
CREATE INDEX accounts_domain ON accounts (domain_id, created DESC, id DESC);
CREATE INDEX accounts_page ON accounts (created DESC, id DESC);
CREATE INDEX accounts_name ON accounts (name);
-- Those who act for an account. Of a password only its scrypt is kept, with its parameters.
CREATE TABLE users (
    id text PRIMARY KEY, account_id text NOT NULL REFERENCES accounts ON DELETE CASCADE,
    name text NOT NULL, first_name text NOT NULL DEFAULT '', last_name text NOT NULL DEFAULT '',
    email text NOT NULL DEFAULT '', timezone text NOT NULL DEFAULT '', password text,
    state text NOT NULL DEFAULT 'enabled' CHECK (state IN ('enabled', 'disabled')),
    created timestamptz NOT NULL
);
CREATE INDEX users_account ON users (account_id, created DESC, id DESC);
CREATE INDEX users_page ON users (created DESC, id DESC);
CREATE INDEX users_name ON users (name);
INSERT INTO users (id, account_id, name, created) SELECT id, id, name, created FROM accounts;
ALTER TABLE api_keys ADD COLUMN user_id text REFERENCES users ON DELETE CASCADE;
UPDATE api_keys SET user_id = account_id;
ALTER TABLE api_keys ALTER COLUMN user_id SET NOT NULL;
CREATE INDEX api_keys_user ON api_keys (user_id, created DESC, id DESC);
-- Who is logged in; only hashes of what the browser holds.
CREATE TABLE sessions (
    id_hash text PRIMARY KEY, key_hash text NOT NULL,
    user_id text NOT NULL REFERENCES users ON DELETE CASCADE,
    created timestamptz NOT NULL, expires timestamptz NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id, created DESC);
CREATE INDEX sessions_expires ON sessions (expires);
-- Logins that failed in a row, by what was tried.
CREATE TABLE login_failures (
    tried text PRIMARY KEY, count integer NOT NULL, last timestamptz NOT NULL,
    closed_until timestamptz NOT NULL
);
CREATE INDEX login_failures_last ON login_failures (last);
-- How much an account or a domain may have, by CloudStack's numbers; without a row as much as it
-- likes.
CREATE TABLE resource_limits (
    account_id text REFERENCES accounts ON DELETE CASCADE,
    domain_id text REFERENCES domains ON DELETE CASCADE,
    type smallint NOT NULL, max bigint NOT NULL CHECK (max >= 0),
    CHECK (num_nonnulls(account_id, domain_id) = 1)
);
CREATE UNIQUE INDEX resource_limits_account ON resource_limits (account_id, type)
    WHERE account_id IS NOT NULL;
CREATE UNIQUE INDEX resource_limits_domain ON resource_limits (domain_id, type)
    WHERE domain_id IS NOT NULL;
-- The newest job of a thing, whether or not it has ended.
CREATE INDEX async_jobs_of ON async_jobs (subject_id, created DESC, id DESC);
