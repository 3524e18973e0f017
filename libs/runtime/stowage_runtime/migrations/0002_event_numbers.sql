-- Events of a subject are also counted by themselves: who hears no commands sees what is missing.
ALTER TABLE subjects ADD COLUMN events bigint NOT NULL DEFAULT 0;
UPDATE subjects SET events = sequence;
ALTER TABLE outbox ADD COLUMN number bigint NOT NULL DEFAULT 0;
