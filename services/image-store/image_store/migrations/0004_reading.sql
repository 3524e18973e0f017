-- When a replica that nobody could read is to be tried again; when it was read is another thing.
ALTER TABLE object_store_ref ADD COLUMN read_after timestamptz;
