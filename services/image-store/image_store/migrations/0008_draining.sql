-- What data-motion tells of hosts that are given nothing new.

ALTER TABLE hosts ADD COLUMN drain jsonb;
