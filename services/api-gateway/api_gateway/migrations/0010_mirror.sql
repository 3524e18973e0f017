-- What of CloudStack is to be looked at; an empty id is all of a noun. One row for any number of
-- events; ``events`` tells a look that more came while it was under way.
CREATE TABLE mirror_looks (
    noun text NOT NULL, id text NOT NULL, action text NOT NULL, reason text NOT NULL,
    deleted boolean NOT NULL, events bigint NOT NULL,
    asked timestamptz NOT NULL, due timestamptz NOT NULL,
    lease text, leased_until timestamptz, attempts integer NOT NULL DEFAULT 0,
    failing_since timestamptz, given_up boolean NOT NULL DEFAULT false, error jsonb,
    PRIMARY KEY (noun, id)
);
CREATE INDEX mirror_looks_due ON mirror_looks (due) WHERE NOT given_up;
-- What CloudStack said last of each of its entities, and what became of that here.
CREATE TABLE mirror_entities (
    noun text NOT NULL, id text NOT NULL, account_id text NOT NULL, facts jsonb NOT NULL,
    outcome text NOT NULL, steps jsonb NOT NULL, first_seen timestamptz NOT NULL,
    seen timestamptz NOT NULL, gone timestamptz, PRIMARY KEY (noun, id)
);
CREATE INDEX mirror_entities_page ON mirror_entities (first_seen DESC, id DESC);
-- Counters of all gateways together, and the newest word to each.
CREATE TABLE mirror_figures (
    name text PRIMARY KEY, count bigint NOT NULL, at timestamptz, told text
);
