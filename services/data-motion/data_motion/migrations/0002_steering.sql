-- Steering: pauses, speed, hand-overs, agents that feed each other, policies, timelines.

ALTER TABLE copies
    ADD COLUMN paused text NOT NULL DEFAULT '',
    ADD COLUMN bytes_per_second bigint,
    ADD COLUMN timeline jsonb NOT NULL DEFAULT '[]';

ALTER TABLE hops
    ADD COLUMN method text NOT NULL DEFAULT 'copy',
    ADD COLUMN cache_reason text NOT NULL DEFAULT '',
    ADD COLUMN fed_by jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN yielding text NOT NULL DEFAULT '',
    ADD COLUMN yields_to text;
-- Who may feed others: hops of the same bytes.
CREATE INDEX copies_source ON copies (source_key, finished);

DROP INDEX copies_live;
CREATE UNIQUE INDEX copies_live ON copies (source_key, destination_key)
    WHERE state IN ('requested', 'planned', 'waiting', 'running', 'paused');

ALTER TABLE agents
    ADD COLUMN draining text NOT NULL DEFAULT '',
    ADD COLUMN drain_left integer;

CREATE TABLE motion_policies (
    id text PRIMARY KEY,
    pin text NOT NULL,
    forbid text[] NOT NULL
);
