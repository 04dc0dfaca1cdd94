-- The centers of cells are vectors in a table of their own; a store's cells of an earlier version have no row here, and are
-- replaced. `size` is the number of the store's chunks when the centers were made, `share` the part of them in a cell.
ALTER TABLE chunk_cells DROP COLUMN centers;
ALTER TABLE chunk_cells ADD COLUMN cells BIGINT NOT NULL DEFAULT 256;
ALTER TABLE chunk_cells ADD COLUMN size BIGINT NOT NULL DEFAULT 0;
DROP INDEX chunk_cells_store;
CREATE INDEX chunk_cells_store ON chunk_cells (store, embedder, dimensions);
