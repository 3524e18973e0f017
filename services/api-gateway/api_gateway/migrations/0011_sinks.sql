-- Every event keeps the identity its owner gave it, so that it is told by the same one again.
ALTER TABLE feed
    ADD COLUMN message_id text NOT NULL DEFAULT '', ADD COLUMN source text NOT NULL DEFAULT '',
    ADD COLUMN sequence bigint NOT NULL DEFAULT 0, ADD COLUMN said timestamptz,
    ADD COLUMN traceparent text NOT NULL DEFAULT '', ADD COLUMN correlation text NOT NULL DEFAULT '',
    ADD COLUMN causation text NOT NULL DEFAULT '', ADD COLUMN was text NOT NULL DEFAULT '';
UPDATE feed SET message_id = concat('feed-', tx, '-', id);
-- The last event of each subject that the feed has: the next one goes behind it, whoever writes it.
-- `condition` is that of the subject's state then, `waits` says that some are held.
CREATE TABLE told (
    source text NOT NULL, subject text NOT NULL, number bigint NOT NULL DEFAULT 0,
    tx bigint NOT NULL DEFAULT 0, condition text NOT NULL DEFAULT '',
    waits boolean NOT NULL DEFAULT false, PRIMARY KEY (source, subject)
) WITH (fillfactor = 70);
-- Events that came before one they follow, until it comes or has been waited for long enough.
CREATE TABLE held (
    source text NOT NULL, subject text NOT NULL, number bigint NOT NULL,
    since timestamptz NOT NULL, event jsonb NOT NULL, PRIMARY KEY (source, subject, number)
);
CREATE INDEX held_since ON held (since);
-- Where events go, and how far each has come. The URL and the secrets are sealed for the row.
CREATE TABLE sinks (
    id text PRIMARY KEY, account_id text NOT NULL REFERENCES accounts ON DELETE CASCADE,
    name text NOT NULL, kind text NOT NULL, format text NOT NULL, target text NOT NULL, sealed text NOT NULL,
    options jsonb NOT NULL, filters jsonb NOT NULL, paused boolean NOT NULL DEFAULT false,
    created timestamptz NOT NULL, updated timestamptz NOT NULL,
    at_tx bigint NOT NULL, at_id bigint NOT NULL,
    delivered bigint NOT NULL DEFAULT 0, delivered_at timestamptz,
    failures integer NOT NULL DEFAULT 0, error jsonb, failed_at timestamptz,
    gap jsonb, gap_tx bigint NOT NULL DEFAULT 0, gap_id bigint NOT NULL DEFAULT 0,
    generation bigint NOT NULL DEFAULT 1,
    owner text NOT NULL DEFAULT '', leased_until timestamptz
) WITH (fillfactor = 50);
CREATE INDEX sinks_page ON sinks (created DESC, id DESC);
CREATE INDEX sinks_account ON sinks (account_id, created DESC, id DESC);
-- Up to where events were forgotten: a sink that had not come so far has a gap.
CREATE TABLE feed_trimmed (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    tx bigint NOT NULL DEFAULT 0, id bigint NOT NULL DEFAULT 0
);
INSERT INTO feed_trimmed DEFAULT VALUES;
