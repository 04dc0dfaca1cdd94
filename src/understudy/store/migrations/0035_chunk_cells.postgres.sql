CREATE UNIQUE INDEX chunk_codes_place ON chunk_codes (store, cell, seq);
DROP INDEX chunk_codes_cell;
