-- Lists of templates and of ISOs walk over nothing else, and not over what is gone.
CREATE INDEX resources_images ON resources ((state ->> 'kind'), created DESC, id DESC)
    WHERE noun = 'template' AND NOT removed AND state ->> 'removed' = 'false';
CREATE INDEX resources_images_account
    ON resources (account_id, (state ->> 'kind'), created DESC, id DESC)
    WHERE noun = 'template' AND NOT removed AND state ->> 'removed' = 'false';
-- Zones an object is wished for, and whether it can be read there.
CREATE FUNCTION object_zones(object jsonb) RETURNS TABLE (zone_id text, ready boolean)
LANGUAGE sql STABLE AS $$
    SELECT z.id, coalesce(object -> 'zones' @> jsonb_build_array(
        jsonb_build_object('zone_id', z.id, 'ready', true)), false)
    FROM resources AS z WHERE z.noun = 'zone' AND NOT z.removed AND (
        object #>> '{scope,type}' = 'region'
        OR object -> 'zones' @> jsonb_build_array(jsonb_build_object('zone_id', z.id))
        OR (object -> 'zones' = '[]' AND object #>> '{scope,id}' = z.id))
$$;
