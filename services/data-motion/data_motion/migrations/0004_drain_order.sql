-- A drain that was retried may come after the one that ended it.
ALTER TABLE agents ADD COLUMN drain_sequence bigint NOT NULL DEFAULT 0;
