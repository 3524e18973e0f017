-- How much each agent reads is asked for every object that waits its turn: of a cloud that was taken
-- over a million do, and few are being read.
CREATE INDEX inspections_reading ON inspections (host_id) WHERE read_all AND host_id IS NOT NULL;
