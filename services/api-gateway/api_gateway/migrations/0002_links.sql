-- Download links people asked for; the URL is made when asked and kept nowhere.
CREATE TABLE links (
    id text PRIMARY KEY, account_id text NOT NULL, kind text NOT NULL, object_id text NOT NULL,
    file_name text NOT NULL, made timestamptz NOT NULL, expires timestamptz NOT NULL,
    revoked timestamptz
);
CREATE INDEX links_page ON links (made DESC, id DESC);
CREATE INDEX links_account ON links (account_id, made DESC, id DESC);
CREATE INDEX links_expires ON links (expires);
-- A replayed answer has the status of the first one; NULL is its route's own.
ALTER TABLE idempotency ADD COLUMN status integer;
-- An account's own lists do not walk over everybody else's rows.
CREATE INDEX resources_account ON resources (noun, account_id, created DESC, id DESC)
    WHERE NOT removed;
