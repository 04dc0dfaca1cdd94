-- A document whose vectors are built-in ones is copied in the background with those of a better embedder. Its columns
-- are those of a job; `is_copied` is 1 once its copy is complete. A copy has the state 3 while it is made, and 4 until
-- all documents of its store are copied, when the copies replace them.
ALTER TABLE chunk_documents ADD COLUMN owner TEXT;
ALTER TABLE chunk_documents ADD COLUMN due_at DOUBLE PRECISION NOT NULL DEFAULT 0;
ALTER TABLE chunk_documents ADD COLUMN attempts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE chunk_documents ADD COLUMN interruptions BIGINT NOT NULL DEFAULT 0;
ALTER TABLE chunk_documents ADD COLUMN is_copied BIGINT NOT NULL DEFAULT 0;
CREATE INDEX chunk_documents_uncopied ON chunk_documents (store, seq)
    WHERE state = 1 AND is_copied = 0 AND embedder = 'builtin';
CREATE INDEX chunk_documents_copied ON chunk_documents (store) WHERE state = 4;
CREATE INDEX chunk_documents_owner ON chunk_documents (owner) WHERE owner IS NOT NULL;
