-- Volumes that wait to be deleted are few among many.
CREATE INDEX descriptions_destroyed ON descriptions (id)
    WHERE noun = 'volume' AND attributes ? 'destroyed';
