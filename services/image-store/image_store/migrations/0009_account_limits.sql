-- The most bytes an account may have on image stores (NULL: no end), and when that was said.
CREATE TABLE account_limits (
    account_id text PRIMARY KEY, max_bytes bigint, said timestamptz NOT NULL
);
CREATE INDEX object_store_ref_account ON object_store_ref (account_id)
    INCLUDE (state, size, reserved) WHERE role = 'Image';
