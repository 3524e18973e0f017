-- Where things stand.
CREATE TABLE zones (id text PRIMARY KEY, name text NOT NULL);
CREATE TABLE pods (id text PRIMARY KEY, zone_id text NOT NULL REFERENCES zones, name text NOT NULL);
CREATE TABLE clusters (
    id text PRIMARY KEY, pod_id text NOT NULL REFERENCES pods, zone_id text NOT NULL REFERENCES zones,
    name text NOT NULL, hypervisor text NOT NULL
);
CREATE TABLE hosts (
    id text PRIMARY KEY, name text NOT NULL, hypervisor text NOT NULL,
    zone_id text REFERENCES zones, pod_id text, cluster_id text REFERENCES clusters,
    state text NOT NULL, abilities jsonb, pools jsonb NOT NULL DEFAULT '[]',
    boot_id text NOT NULL DEFAULT '', seen timestamptz NOT NULL
);

-- Data stores of role Image and Primary (a primary pool is reported by its agent).
CREATE TABLE image_data_store (
    id text PRIMARY KEY, name text NOT NULL, provider text NOT NULL, role text NOT NULL,
    scope_type text NOT NULL, scope_id text, zone_id text,
    state text NOT NULL, settings jsonb NOT NULL DEFAULT '{}', sealed text NOT NULL DEFAULT '',
    abilities jsonb, formats jsonb NOT NULL DEFAULT '[]',
    total_bytes bigint, used_bytes bigint, checks jsonb NOT NULL DEFAULT '[]', error jsonb,
    warned boolean NOT NULL DEFAULT false, probed timestamptz NOT NULL
);
-- The same place is never two stores.
CREATE UNIQUE INDEX image_data_store_place ON image_data_store (provider, (settings::text))
    WHERE role = 'Image';

CREATE TABLE vm_template (
    id text PRIMARY KEY, account_id text NOT NULL, name text NOT NULL, format text NOT NULL,
    hypervisor text NOT NULL, scope_type text NOT NULL, scope_id text,
    sealed_url text NOT NULL, url_scheme text NOT NULL, checksum text,
    size bigint, virtual_size bigint, digest text, error jsonb,
    removed boolean NOT NULL DEFAULT false, created timestamptz NOT NULL
);

-- One object on one store; state and update_count are only ever changed together (compare and set).
CREATE TABLE object_store_ref (
    id text PRIMARY KEY, kind text NOT NULL, object_id text NOT NULL, template_id text NOT NULL,
    account_id text NOT NULL, store_id text NOT NULL, role text NOT NULL, state text NOT NULL,
    update_count integer NOT NULL DEFAULT 0, install_path text NOT NULL, format text NOT NULL,
    copy_id text, size bigint, digest text, reserved bigint NOT NULL DEFAULT 0, error jsonb,
    updated timestamptz NOT NULL,
    UNIQUE (kind, object_id, store_id)
);
CREATE INDEX object_store_ref_template ON object_store_ref (template_id);
CREATE INDEX object_store_ref_replica ON object_store_ref (template_id) WHERE kind <> 'volume';
CREATE INDEX object_store_ref_store ON object_store_ref (store_id);
-- What is reserved on a store is summed for each request; few of many replicas reserve anything.
CREATE INDEX object_store_ref_reserved ON object_store_ref (store_id) WHERE reserved > 0;

-- Copies that want a replica made, as they were asked for; gone when their end was heard.
CREATE TABLE askers (
    copy_id text PRIMARY KEY, ref_id text NOT NULL REFERENCES object_store_ref ON DELETE CASCADE,
    request jsonb NOT NULL, said timestamptz NOT NULL
);
CREATE INDEX askers_ref ON askers (ref_id);
CREATE INDEX askers_said ON askers (said);

-- Access to one object, one direction. Holds no secret: URLs are made when redeemed.
CREATE TABLE grants (
    id text PRIMARY KEY, ref_id text REFERENCES object_store_ref ON DELETE CASCADE,
    template_id text, writes boolean NOT NULL, state text NOT NULL DEFAULT 'active',
    epoch integer NOT NULL DEFAULT 0, writer text NOT NULL DEFAULT '',
    session text NOT NULL DEFAULT '', created timestamptz NOT NULL
);
CREATE INDEX grants_ref ON grants (ref_id);

CREATE TABLE verdicts (
    digest text NOT NULL, gate_version integer NOT NULL, declared text NOT NULL,
    verdict jsonb NOT NULL, PRIMARY KEY (digest, gate_version, declared)
);
CREATE TABLE inspections (
    id text PRIMARY KEY, ref_id text NOT NULL REFERENCES object_store_ref ON DELETE CASCADE,
    grant_id text NOT NULL, digest text NOT NULL, host_id text, tried jsonb NOT NULL DEFAULT '[]',
    attempts integer NOT NULL DEFAULT 0, due timestamptz NOT NULL, error jsonb
);
