-- What the searchable documents of a store have together, counted by triggers, as a store may have thousands of them.
-- `rated_chunks` are those whose terms were made, and `terms` are counted in these. A row may have no chunks.
CREATE TABLE chunk_totals (
    store BIGINT NOT NULL,
    embedder TEXT NOT NULL,
    dimensions BIGINT NOT NULL,
    language TEXT NOT NULL,
    slot BIGINT NOT NULL,
    chunks BIGINT NOT NULL,
    rated_chunks BIGINT NOT NULL,
    terms BIGINT NOT NULL,
    PRIMARY KEY (store, embedder, dimensions, language, slot)
);
DROP INDEX chunk_documents_totals;
