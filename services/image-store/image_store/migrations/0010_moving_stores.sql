-- What a store may hold, where somebody said so; and how its last evacuation ended.
ALTER TABLE image_data_store ADD COLUMN capacity bigint, ADD COLUMN evacuated jsonb;
-- Stores to one of which a replica is being moved.
ALTER TABLE object_store_ref ADD COLUMN moves_to text[];
