-- When a fleet in which nothing happens is looked at again; NULL: at the next turn.
ALTER TABLE fleets ADD COLUMN look_at timestamptz;
