-- Data stores of role ImageCache. foreign_bytes: what lies on them and is not ours.
CREATE TABLE cache_stores (
    id text PRIMARY KEY, name text NOT NULL, provider text NOT NULL,
    scope_type text NOT NULL, scope_id text, zone_id text,
    state text NOT NULL, settings jsonb NOT NULL DEFAULT '{}', sealed text NOT NULL DEFAULT '',
    abilities jsonb, total_bytes bigint, foreign_bytes bigint NOT NULL DEFAULT 0,
    checks jsonb NOT NULL DEFAULT '[]', error jsonb, probed timestamptz NOT NULL,
    drained_by timestamptz,
    shown_bytes_per_second double precision NOT NULL DEFAULT 0, high boolean NOT NULL DEFAULT false
);
-- The same place is never two stores.
CREATE UNIQUE INDEX cache_stores_place ON cache_stores (provider, (settings::text));

-- Where hosts stand and which directories their agents may open.
CREATE TABLE hosts (id text PRIMARY KEY, roots jsonb NOT NULL, sequence bigint NOT NULL);

-- One object on one cache: reserved (space held) -> filling -> ready -> evicting -> gone.
CREATE TABLE entries (
    id text PRIMARY KEY, store_id text NOT NULL REFERENCES cache_stores,
    digest text NOT NULL, format text NOT NULL, object_kind text NOT NULL, object_id text NOT NULL,
    key text NOT NULL, size bigint NOT NULL, state text NOT NULL, fill_copy text NOT NULL,
    hits integer NOT NULL DEFAULT 0, last_used timestamptz NOT NULL, created timestamptz NOT NULL
);
-- Single flight: nobody fetches what is there or on its way.
CREATE UNIQUE INDEX entries_single_flight ON entries (store_id, digest, format)
    WHERE state <> 'evicting';

-- A pin is a lease of one copy: it ends with the copy, or lapses with its progress.
CREATE TABLE pins (
    entry_id text NOT NULL REFERENCES entries ON DELETE CASCADE, copy_id text NOT NULL,
    expires timestamptz NOT NULL, PRIMARY KEY (entry_id, copy_id)
);
CREATE INDEX pins_copy ON pins (copy_id);

-- Access to one entry, one direction. Holds no secret: URLs are made when redeemed.
CREATE TABLE grants (
    id text PRIMARY KEY, entry_id text NOT NULL REFERENCES entries ON DELETE CASCADE,
    copy_id text NOT NULL, writes boolean NOT NULL, state text NOT NULL DEFAULT 'active',
    epoch integer NOT NULL DEFAULT 0, writer text NOT NULL DEFAULT '',
    session text NOT NULL DEFAULT '', created timestamptz NOT NULL
);
CREATE INDEX grants_entry ON grants (entry_id);

-- Copies told to wait for space: the backlog.
CREATE TABLE waits (
    copy_id text PRIMARY KEY, store_id text NOT NULL REFERENCES cache_stores ON DELETE CASCADE,
    size bigint NOT NULL, expires timestamptz NOT NULL
);
-- The newest figures each host gave of each cache.
CREATE TABLE samples (
    store_id text NOT NULL REFERENCES cache_stores ON DELETE CASCADE, host_id text NOT NULL,
    bytes_per_second double precision NOT NULL, streams integer NOT NULL, at timestamptz NOT NULL,
    PRIMARY KEY (store_id, host_id)
);
-- Why things were placed, evicted, or the fleet's size changed.
CREATE TABLE decisions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL,
    kind text NOT NULL, subject text NOT NULL, reason text NOT NULL
);
CREATE INDEX decisions_at ON decisions (at);
