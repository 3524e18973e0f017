-- Caches that come and go under copies: fleets, the use of caches, and copies staged anew.

CREATE TABLE cache_fleets (
    id text PRIMARY KEY,
    view jsonb NOT NULL,
    sequence bigint NOT NULL
);

ALTER TABLE motion_policies
    ADD COLUMN caches text NOT NULL DEFAULT 'when-required',
    ADD COLUMN caches_of jsonb NOT NULL DEFAULT '{}';

ALTER TABLE copies
    ADD COLUMN awaits_cache boolean NOT NULL DEFAULT false,
    ADD COLUMN avoids text[] NOT NULL DEFAULT '{}',
    ADD COLUMN restaged integer NOT NULL DEFAULT 0;
UPDATE copies SET awaits_cache = true
WHERE state IN ('waiting', 'paused') AND NOT EXISTS (SELECT FROM hops WHERE copy_id = copies.id);

-- A hop that fills another cache comes before the one that reads it.
ALTER TABLE hops DROP CONSTRAINT hops_copy_id_ordinal_key,
    ADD CONSTRAINT hops_copy_id_ordinal_key UNIQUE (copy_id, ordinal)
        DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE stores ADD COLUMN removed timestamptz;
UPDATE stores SET removed = stowage_now() WHERE view ->> 'state' = 'Removed';
