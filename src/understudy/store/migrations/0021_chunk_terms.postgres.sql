-- `keys` are hashes of a chunk's terms and its store, so that a lookup reads no other store's chunks. They are stored apart
-- from the row, which a search reads without them. The list of pending entries is short, as every lookup reads it whole.
CREATE TABLE chunk_terms (
    seq BIGINT PRIMARY KEY,
    document BIGINT NOT NULL,
    length INTEGER NOT NULL,
    keys BIGINT[] NOT NULL
) WITH (toast_tuple_target = 128);
ALTER TABLE chunk_terms ALTER COLUMN keys SET STORAGE EXTERNAL;
CREATE INDEX chunk_terms_keys ON chunk_terms USING GIN (keys) WITH (gin_pending_list_limit = 256);
