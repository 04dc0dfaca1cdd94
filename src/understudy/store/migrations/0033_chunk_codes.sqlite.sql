-- A large store's codes are divided into cells of similar ones, of which a search reads the nearest; 0 is none yet.
CREATE TABLE chunk_cell_codes (
    store INTEGER NOT NULL,
    cell INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    document INTEGER NOT NULL,
    bits BLOB NOT NULL,
    PRIMARY KEY (store, cell, seq)
) WITHOUT ROWID;
INSERT INTO chunk_cell_codes (store, cell, seq, document, bits) SELECT store, 0, seq, document, bits FROM chunk_codes;
DROP TABLE chunk_codes;
ALTER TABLE chunk_cell_codes RENAME TO chunk_codes;
CREATE INDEX chunk_codes_document ON chunk_codes (document);
