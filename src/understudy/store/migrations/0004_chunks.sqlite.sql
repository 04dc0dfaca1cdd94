-- The sign of each dimension, a bit: a search compares these first and the whole vectors of the nearest few hundred after.
CREATE TABLE chunk_codes (
    store INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    document INTEGER NOT NULL,
    bits BLOB NOT NULL,
    PRIMARY KEY (store, seq)
) WITHOUT ROWID;
CREATE TABLE chunk_vectors (
    seq INTEGER PRIMARY KEY,
    vector BLOB NOT NULL
);
-- `scope` names the store and the document, so that a match is looked for in these alone.
CREATE VIRTUAL TABLE chunk_text USING fts5 (
    scope, words, content = '', contentless_delete = 1, tokenize = 'porter unicode61 remove_diacritics 2'
);
