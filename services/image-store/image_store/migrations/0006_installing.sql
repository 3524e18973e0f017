-- How a volume was made on a pool, the base it stands on (a linked clone), and, while a volume
-- moves, the replica it comes from.
ALTER TABLE object_store_ref ADD COLUMN install jsonb, ADD COLUMN base_ref text,
    ADD COLUMN moves_from text;
CREATE INDEX object_store_ref_base ON object_store_ref (base_ref) WHERE base_ref IS NOT NULL;
CREATE INDEX object_store_ref_moves ON object_store_ref (moves_from) WHERE moves_from IS NOT NULL;
CREATE INDEX object_store_ref_hidden ON object_store_ref (id) WHERE state = 'Hidden';

-- Volumes that wait for the pool's copy of their template, as they were asked for.
CREATE TABLE installs (
    copy_id text PRIMARY KEY, ref_id text NOT NULL, base_ref text NOT NULL, request jsonb NOT NULL
);
CREATE INDEX installs_ref ON installs (ref_id);
CREATE INDEX installs_base ON installs (base_ref);

-- Replicas on pools that their agents are to delete, and have not confirmed.
CREATE TABLE removals (
    id text PRIMARY KEY, ref_id text NOT NULL UNIQUE, store_id text NOT NULL, host_id text NOT NULL,
    key text NOT NULL, due timestamptz NOT NULL, attempts integer NOT NULL DEFAULT 0
);
CREATE INDEX removals_due ON removals (due);

-- Deletions of objects that are not known (yet): one whose registration was overtaken.
CREATE TABLE overtaken (
    noun text NOT NULL, id text NOT NULL, at timestamptz NOT NULL, PRIMARY KEY (noun, id)
);
