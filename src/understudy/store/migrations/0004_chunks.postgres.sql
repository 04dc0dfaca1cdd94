-- Vectors have a table for each number of dimensions, made when the first comes: they need the extension pgvector.
CREATE TABLE chunk_text (
    seq BIGINT PRIMARY KEY,
    store BIGINT NOT NULL,
    document BIGINT NOT NULL,
    words TSVECTOR NOT NULL
);
CREATE INDEX chunk_text_words ON chunk_text USING GIN (words);
