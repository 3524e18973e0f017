-- How many changes were ordered of a resource: with its sequence, what If-Match names.
ALTER TABLE resources ADD COLUMN orders integer NOT NULL DEFAULT 0;
-- Lists by name and by state do not walk over everything else.
CREATE INDEX resources_name ON resources (noun, (state ->> 'name'), created DESC, id DESC)
    WHERE NOT removed AND state ->> 'name' IS NOT NULL;
CREATE INDEX resources_state ON resources (noun, (state ->> 'state'), created DESC, id DESC)
    WHERE NOT removed AND state ->> 'state' IS NOT NULL;
