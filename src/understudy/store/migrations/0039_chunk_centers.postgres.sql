-- Vectors of `REAL[]`, as the type of pgvector may be missing.
CREATE TABLE chunk_centers (
    cells BIGINT NOT NULL,
    place BIGINT NOT NULL,
    share DOUBLE PRECISION NOT NULL,
    vector REAL[] NOT NULL,
    PRIMARY KEY (cells, place)
);
ALTER TABLE chunk_centers ALTER COLUMN vector SET STORAGE MAIN;
