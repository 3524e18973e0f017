-- What a degraded store is to be when it has healed, what its life cycle was told last, settings
-- that are on trial, and when it was last compared with the catalogue.
ALTER TABLE image_data_store ADD COLUMN wished text NOT NULL DEFAULT 'Up',
    ADD COLUMN told text NOT NULL DEFAULT 'open', ADD COLUMN new_settings jsonb,
    ADD COLUMN new_sealed text NOT NULL DEFAULT '', ADD COLUMN scanned timestamptz;
UPDATE image_data_store SET wished = 'ReadOnly' WHERE state = 'ReadOnly';
UPDATE image_data_store SET scanned = probed;

CREATE TABLE storage_provider (id text PRIMARY KEY, view jsonb NOT NULL);

-- How a store and the catalogue differ; seen again by each scan, or dropped.
CREATE TABLE findings (
    id text PRIMARY KEY, store_id text NOT NULL REFERENCES image_data_store ON DELETE CASCADE,
    kind text NOT NULL, key text NOT NULL, writer text NOT NULL DEFAULT '',
    session text NOT NULL DEFAULT '', size bigint, object jsonb, ref_id text, scan_id text NOT NULL,
    first_seen timestamptz NOT NULL, last_seen timestamptz NOT NULL, sightings integer NOT NULL,
    UNIQUE (store_id, kind, key, writer, session)
);
CREATE INDEX findings_page ON findings (store_id, id);
-- A store is listed in the order of its keys' bytes.
CREATE INDEX object_store_ref_path ON object_store_ref (store_id, install_path COLLATE "C");
