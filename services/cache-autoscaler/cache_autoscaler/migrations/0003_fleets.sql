-- Where hosts stand and what transport VMs they can run. heard: their last word of their VMs.
ALTER TABLE hosts
    ADD COLUMN location jsonb NOT NULL DEFAULT '{}', ADD COLUMN up boolean NOT NULL DEFAULT true,
    ADD COLUMN draining boolean NOT NULL DEFAULT false, ADD COLUMN machines jsonb,
    ADD COLUMN heard timestamptz, ADD COLUMN failures integer NOT NULL DEFAULT 0,
    ADD COLUMN failed timestamptz;

-- settings: a CacheFleet. What follows is what the controller remembers from step to step.
CREATE TABLE fleets (
    id text PRIMARY KEY, name text NOT NULL, scope_type text NOT NULL, scope_id text NOT NULL,
    settings jsonb NOT NULL, removing boolean NOT NULL DEFAULT false,
    desired jsonb, doing text NOT NULL DEFAULT '', backlog_bytes bigint NOT NULL DEFAULT 0,
    failures integer NOT NULL DEFAULT 0, failed timestamptz, halted_until timestamptz,
    grown timestamptz, shrunk timestamptz, error jsonb,
    spawn_seconds double precision NOT NULL, measured timestamptz, said jsonb
);
-- Fleets that are gone: VMs that still name them are strangers of our own making.
CREATE TABLE former_fleets (id text PRIMARY KEY, removed timestamptz NOT NULL);

-- One VM from its order until it is proven gone; the cache store on it has the same id.
CREATE TABLE transport_vms (
    id text PRIMARY KEY, fleet_id text NOT NULL REFERENCES fleets, host_id text NOT NULL,
    state text NOT NULL, reason text NOT NULL, spec jsonb NOT NULL, url text NOT NULL DEFAULT '',
    memory_bytes bigint NOT NULL DEFAULT 0, disk_bytes bigint NOT NULL DEFAULT 0,
    phase text NOT NULL DEFAULT '', told timestamptz,
    ordered timestamptz NOT NULL, expires timestamptz NOT NULL, since timestamptz NOT NULL,
    offered timestamptz, silent_since timestamptz, unwell_since timestamptz,
    missing_since timestamptz, asked timestamptz, late boolean NOT NULL DEFAULT false, error jsonb
);
CREATE INDEX transport_vms_fleet ON transport_vms (fleet_id);
CREATE INDEX transport_vms_host ON transport_vms (host_id);

-- VMs of our fleets that no row tells of.
CREATE TABLE strangers (
    vm_id text NOT NULL, host_id text NOT NULL, first_seen timestamptz NOT NULL,
    last_seen timestamptz NOT NULL, asked timestamptz, PRIMARY KEY (vm_id, host_id)
);
-- Copies that wait until a fleet has any store at all.
CREATE TABLE fleet_waits (
    copy_id text PRIMARY KEY, fleet_id text NOT NULL, size bigint NOT NULL,
    expires timestamptz NOT NULL
);
-- Load of a whole fleet, as told from outside.
CREATE TABLE fleet_loads (
    fleet_id text PRIMARY KEY, bytes_per_second double precision NOT NULL,
    streams integer NOT NULL, backlog_bytes bigint NOT NULL, at timestamptz NOT NULL
);
-- The daily rhythm: bytes that went through a fleet in each quarter of an hour (UTC).
CREATE TABLE fleet_rhythm (
    fleet_id text NOT NULL REFERENCES fleets ON DELETE CASCADE, day date NOT NULL,
    slot integer NOT NULL, bytes double precision NOT NULL, PRIMARY KEY (fleet_id, day, slot)
);
