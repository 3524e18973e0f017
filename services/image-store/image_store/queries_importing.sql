-- name: ref_located
-- Where another cloud's object was found to lie, and how long it is.
UPDATE object_store_ref SET install_path = $2, size = $3 WHERE id = $1
