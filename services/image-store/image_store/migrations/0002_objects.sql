-- Templates, volumes and snapshots are objects with replicas: one set of columns and rules, and a
-- table under CloudStack's name for each.
CREATE TABLE stored_object (
    noun text NOT NULL, id text NOT NULL, kind text NOT NULL, account_id text NOT NULL,
    name text NOT NULL, format text NOT NULL, hypervisor text,
    scope_type text NOT NULL, zones text[] NOT NULL DEFAULT '{}',
    origin text NOT NULL, sealed_url text NOT NULL DEFAULT '', url_scheme text NOT NULL DEFAULT '',
    checksum text, size bigint, virtual_size bigint, digest text, error jsonb,
    tags text[] NOT NULL DEFAULT '{}', min_copies integer NOT NULL DEFAULT 1, max_copies integer,
    wanted_stores text[] NOT NULL DEFAULT '{}',
    template_id text, volume_id text, parent_id text,
    removed boolean NOT NULL DEFAULT false, created timestamptz NOT NULL,
    -- When its replicas are compared with what is wished for; attempts slow that down.
    due timestamptz, attempts integer NOT NULL DEFAULT 0,
    PRIMARY KEY (id, noun)
) PARTITION BY LIST (noun);
ALTER TABLE vm_template RENAME TO old_template;
ALTER TABLE old_template RENAME CONSTRAINT vm_template_pkey TO old_template_pkey;
CREATE TABLE vm_template PARTITION OF stored_object FOR VALUES IN ('template');
CREATE TABLE volumes PARTITION OF stored_object FOR VALUES IN ('volume');
CREATE TABLE snapshots PARTITION OF stored_object FOR VALUES IN ('snapshot');
CREATE INDEX stored_object_due ON stored_object (due) WHERE due IS NOT NULL;
CREATE INDEX stored_object_parent ON stored_object (parent_id) WHERE parent_id IS NOT NULL;

INSERT INTO stored_object (noun, id, kind, account_id, name, format, hypervisor, scope_type, zones,
    origin, sealed_url, url_scheme, checksum, size, virtual_size, digest, error, removed, created)
SELECT 'template', id, CASE format WHEN 'iso' THEN 'iso' ELSE 'template' END, account_id, name,
    format, hypervisor, scope_type, CASE WHEN scope_id IS NULL THEN '{}' ELSE ARRAY[scope_id] END,
    'url', sealed_url, url_scheme, checksum, size, virtual_size, digest, error, removed, created
FROM old_template;
INSERT INTO stored_object (noun, id, kind, account_id, name, format, hypervisor, scope_type, zones,
    origin, size, virtual_size, digest, template_id, created)
SELECT DISTINCT ON (r.object_id) 'volume', r.object_id, 'volume', r.account_id, r.object_id,
    r.format, t.hypervisor, 'zone', '{}', 'template', r.size, t.virtual_size, r.digest, t.id,
    r.updated
FROM object_store_ref r JOIN old_template t ON t.id = r.template_id WHERE r.kind = 'volume'
ORDER BY r.object_id, r.updated;

-- One object on one store; state and update_count are only ever changed together.
ALTER TABLE object_store_ref RENAME TO old_ref;
CREATE TABLE object_store_ref (
    id text NOT NULL, noun text NOT NULL, kind text NOT NULL, object_id text NOT NULL,
    account_id text NOT NULL, store_id text NOT NULL, role text NOT NULL, state text NOT NULL,
    update_count integer NOT NULL DEFAULT 0, install_path text NOT NULL, format text NOT NULL,
    copy_id text, size bigint, digest text, reserved bigint NOT NULL DEFAULT 0, error jsonb,
    in_place boolean NOT NULL DEFAULT false, verified timestamptz, updated timestamptz NOT NULL,
    PRIMARY KEY (id, noun), UNIQUE (object_id, store_id, noun)
) PARTITION BY LIST (noun);
CREATE TABLE template_store_ref PARTITION OF object_store_ref FOR VALUES IN ('template');
CREATE TABLE volume_store_ref PARTITION OF object_store_ref FOR VALUES IN ('volume');
CREATE TABLE snapshot_store_ref PARTITION OF object_store_ref FOR VALUES IN ('snapshot');
INSERT INTO object_store_ref (id, noun, kind, object_id, account_id, store_id, role, state,
    update_count, install_path, format, copy_id, size, digest, reserved, error, updated)
SELECT id, CASE kind WHEN 'iso' THEN 'template' ELSE kind END, kind, object_id, account_id,
    store_id, role, state, update_count, install_path, format, copy_id, size, digest, reserved,
    error, updated
FROM old_ref;

-- What hangs on a replica goes with it in the statement that deletes it.
ALTER TABLE askers DROP CONSTRAINT askers_ref_id_fkey;
ALTER TABLE inspections DROP CONSTRAINT inspections_ref_id_fkey;
ALTER TABLE grants DROP CONSTRAINT grants_ref_id_fkey;
ALTER TABLE grants RENAME COLUMN template_id TO source_id;
ALTER TABLE grants ADD COLUMN source_noun text, ADD COLUMN purpose text NOT NULL DEFAULT 'copy',
    ADD COLUMN expires timestamptz, ADD COLUMN for_ref text;
CREATE INDEX grants_for_ref ON grants (for_ref) WHERE for_ref IS NOT NULL;
UPDATE grants SET source_noun = 'template' WHERE source_id IS NOT NULL;
ALTER TABLE inspections ADD COLUMN purpose text NOT NULL DEFAULT 'make',
    ADD COLUMN read_all boolean NOT NULL DEFAULT false;
ALTER TABLE inspections ALTER COLUMN digest DROP NOT NULL;
CREATE INDEX inspections_ref ON inspections (ref_id);
CREATE INDEX inspections_due ON inspections (due);
DROP TABLE old_ref;
DROP TABLE old_template;

CREATE INDEX object_store_ref_store ON object_store_ref (store_id, id);
-- What is reserved on a store is summed for each request; few of many replicas reserve anything.
CREATE INDEX object_store_ref_reserved ON object_store_ref (store_id) WHERE reserved > 0;
-- A scrub takes the replica that was not read for the longest time.
CREATE INDEX object_store_ref_verified ON object_store_ref (verified)
    WHERE state = 'Ready' AND role = 'Image';

ALTER TABLE image_data_store ADD COLUMN tags text[] NOT NULL DEFAULT '{}',
    ADD COLUMN evacuation jsonb, ADD COLUMN inventory jsonb, ADD COLUMN measured timestamptz;

CREATE TABLE placement_rules (
    id text PRIMARY KEY, position integer NOT NULL, rule jsonb NOT NULL
);
