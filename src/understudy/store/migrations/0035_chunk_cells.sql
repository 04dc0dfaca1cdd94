-- The cells of a large store's codes for one embedder: `centers` are codes of equal length, one after another. A code's
-- `cell` is `number` * 65536 + the place of the nearest center + 1, or 0 while it is in no cell.
CREATE TABLE chunk_cells (
    number {sequence},
    store BIGINT NOT NULL,
    embedder TEXT NOT NULL,
    dimensions BIGINT NOT NULL,
    centers TEXT NOT NULL
);
CREATE UNIQUE INDEX chunk_cells_store ON chunk_cells (store, embedder, dimensions);
