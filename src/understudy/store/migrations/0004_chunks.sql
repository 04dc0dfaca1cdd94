-- A document is one indexing of one file in one vector store. Its `state` is 0 while it is made, 1 when it can be found,
-- 2 when it was removed and its chunks are still to be erased; only then its number may be given again.
CREATE TABLE chunk_documents (
    seq {sequence},
    store BIGINT NOT NULL,
    file BIGINT NOT NULL,
    embedder TEXT NOT NULL,
    dimensions BIGINT NOT NULL,
    state BIGINT NOT NULL,
    chunks BIGINT NOT NULL,
    bytes BIGINT NOT NULL
);
CREATE INDEX chunk_documents_file ON chunk_documents (store, file);
CREATE INDEX chunk_documents_removed ON chunk_documents (seq) WHERE state = 2;

-- `start_at` and `end_at` are code points of the document's text.
CREATE TABLE chunks (
    seq {sequence},
    document BIGINT NOT NULL,
    position BIGINT NOT NULL,
    start_at BIGINT NOT NULL,
    end_at BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE UNIQUE INDEX chunks_position ON chunks (document, position);
