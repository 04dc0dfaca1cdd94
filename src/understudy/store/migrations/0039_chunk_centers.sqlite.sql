-- With row numbers, as rows of two kilobytes would be chains of pages without.
CREATE TABLE chunk_centers (
    cells INTEGER NOT NULL,
    place INTEGER NOT NULL,
    share REAL NOT NULL,
    vector BLOB NOT NULL,
    PRIMARY KEY (cells, place)
);
