-- Leaf digests of stored bytes, in chunks as an agent hands them over; they count only once all of
-- them were seen to hash to their digest.
CREATE TABLE digest_leaves (
    digest text NOT NULL, hop_id text NOT NULL, first integer NOT NULL, leaves bytea NOT NULL,
    kept timestamptz NOT NULL, PRIMARY KEY (digest, hop_id, first)
);
CREATE TABLE leaf_lists (
    digest text PRIMARY KEY, hop_id text NOT NULL, count integer NOT NULL, kept timestamptz NOT NULL
);
CREATE INDEX object_store_ref_digest ON object_store_ref (digest) WHERE digest IS NOT NULL;
