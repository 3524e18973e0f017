-- What was found on a store is looked at as folders, in the order of its keys' bytes.
CREATE INDEX findings_key ON findings (store_id, kind, key COLLATE "C");
