-- CloudStack's secondary storage selectors: one at most for a zone and a kind of object. Each is
-- said to image-store as so many placement rules.
CREATE TABLE selectors (
    id text PRIMARY KEY, name text NOT NULL, description text NOT NULL, zone_id text NOT NULL,
    type text NOT NULL, rule text NOT NULL, rules integer NOT NULL, created timestamptz NOT NULL,
    removed timestamptz
);
CREATE UNIQUE INDEX selectors_active ON selectors (zone_id, type) WHERE removed IS NULL;
