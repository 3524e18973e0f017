CREATE TABLE zones (id text PRIMARY KEY, name text NOT NULL, added timestamptz NOT NULL, facts jsonb);
CREATE TABLE pods (id text PRIMARY KEY, name text NOT NULL);
CREATE TABLE beats (id bigserial PRIMARY KEY, host_id text NOT NULL);
