-- What timers look for every few seconds is found without reading a whole table: the gate's version,
-- uploads nobody finished, snapshots that were removed and still have bytes.
CREATE INDEX verdicts_version ON verdicts (gate_version);
CREATE INDEX grants_upload ON grants (expires) WHERE purpose = 'upload' AND state = 'active';
CREATE INDEX snapshots_removed ON snapshots (id) WHERE removed;
