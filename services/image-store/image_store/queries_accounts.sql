-- What accounts may have on image stores.

-- name: set_account_limit
INSERT INTO account_limits (account_id, max_bytes, said) VALUES ($1, $2, $3)
ON CONFLICT (account_id) DO UPDATE SET max_bytes = EXCLUDED.max_bytes, said = EXCLUDED.said
WHERE account_limits.said <= EXCLUDED.said
-- name: account_limit
-- Serialises an account's reservations; after the store's lock, as everywhere.
SELECT max_bytes FROM account_limits WHERE account_id = $1 AND max_bytes IS NOT NULL FOR UPDATE
-- name: read_account_limit
SELECT max_bytes FROM account_limits WHERE account_id = $1
-- name: account_bytes
-- Read in a statement of its own, once the account is locked.
SELECT least(coalesce(sum(size) FILTER (WHERE state = 'Ready'), 0), 1::bigint << 62)::bigint
    AS ready, least(coalesce(sum(reserved), 0), 1::bigint << 62)::bigint AS reserved
FROM object_store_ref WHERE account_id = $1 AND role = 'Image'
-- name: owed_a_replica
-- Whether a replica of an object is leaving its store, or was good once and is damaged.
SELECT EXISTS (SELECT FROM object_store_ref r JOIN image_data_store s ON s.id = r.store_id
    WHERE r.noun = $1 AND r.object_id = $2 AND r.role = 'Image'
    AND (s.evacuation IS NOT NULL OR r.moves_to IS NOT NULL OR (r.state = 'Failed' AND r.verified IS NOT NULL)))
