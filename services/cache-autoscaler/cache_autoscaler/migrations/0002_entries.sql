-- An operator, or a prefetch, holds an entry; what its fill took is what losing it would cost.
ALTER TABLE entries
    ADD COLUMN hold_seconds double precision NOT NULL DEFAULT 0,
    ADD COLUMN held_until timestamptz,
    ADD COLUMN filling_since timestamptz,
    ADD COLUMN fill_seconds double precision;
CREATE INDEX entries_digest ON entries (digest, format);
CREATE INDEX entries_store ON entries (store_id);

-- What caches lost of late and why: a second fill is told as one, and a cache that
-- damaged the same object again is left alone.
CREATE TABLE losses (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, store_id text NOT NULL,
    digest text NOT NULL, format text NOT NULL, why text NOT NULL, at timestamptz NOT NULL
);
CREATE INDEX losses_digest ON losses (digest, format);
CREATE INDEX losses_at ON losses (at);

-- The figures a decision rests on.
ALTER TABLE decisions ADD COLUMN details jsonb NOT NULL DEFAULT '{}';
CREATE INDEX decisions_subject ON decisions (subject, id);

-- A store that was given over with what lies on it is not offered before that was read.
ALTER TABLE cache_stores ADD COLUMN adopting boolean NOT NULL DEFAULT false;
