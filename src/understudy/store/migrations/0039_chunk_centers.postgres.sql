-- Vectors of `REAL[]`, as the type of pgvector may be missing.
CREATE TABLE chunk_centers (
    cells BIGINT NOT NULL,
    place BIGINT NOT NULL,
    share DOUBLE PRECISION NOT NULL,
    vector REAL[] NOT NULL,
    PRIMARY KEY (cells, place)
);
ALTER TABLE chunk_centers ALTER COLUMN vector SET STORAGE MAIN;
-- With all that a search of cells reads, in the order of the cells: the rows of a cell lie far apart in the table. Only
-- rows that a vacuum has seen are read from an index alone.
CREATE UNIQUE INDEX chunk_codes_search ON chunk_codes (store, cell, seq) INCLUDE (document, bits);
DROP INDEX chunk_codes_place;
ALTER TABLE chunk_codes SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05);
