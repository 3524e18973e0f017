-- Lists of templates and of ISOs walk over nothing else, and not over what is gone; they are counted
-- off the index alone. A list has a row for each zone: none here is for all zones there are.
ALTER TABLE resources
    ADD COLUMN image_kind text GENERATED ALWAYS AS (
        CASE WHEN noun = 'template' AND state ->> 'removed' = 'false' THEN state ->> 'kind' END)
        STORED,
    ADD COLUMN image_zones integer GENERATED ALWAYS AS (
        CASE WHEN noun = 'template' AND state #>> '{scope,type}' <> 'region'
        THEN greatest(jsonb_array_length(state -> 'zones'), 1) END) STORED;
CREATE INDEX resources_images ON resources (image_kind, created DESC, id DESC)
    INCLUDE (image_zones, noun, account_id) WHERE image_kind IS NOT NULL AND NOT removed;
CREATE INDEX resources_images_account
    ON resources (account_id, image_kind, created DESC, id DESC)
    INCLUDE (image_zones) WHERE image_kind IS NOT NULL AND NOT removed;
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
-- How many rows of a list one object is, among so many zones.
CREATE FUNCTION image_rows(object jsonb, ready boolean, zones bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN ready IS NULL AND object #>> '{scope,type}' = 'region' THEN zones
        WHEN ready THEN jsonb_array_length(
            jsonb_path_query_array(object -> 'zones', '$[*] ? (@.ready == true)'))
        WHEN NOT ready THEN greatest(1, jsonb_array_length(
            jsonb_path_query_array(object -> 'zones', '$[*] ? (@.ready == false)')))
        ELSE greatest(1, jsonb_array_length(object -> 'zones')) END
$$;
