-- `language` and `heading` are those of the document's terms; `terms` counts those of its texts. It is NULL for a document
-- of an earlier version, whose terms are still to be made from its chunks.
ALTER TABLE chunk_documents ADD COLUMN language TEXT NOT NULL DEFAULT '';
ALTER TABLE chunk_documents ADD COLUMN heading TEXT NOT NULL DEFAULT '';
ALTER TABLE chunk_documents ADD COLUMN terms BIGINT;
CREATE INDEX chunk_documents_without_terms ON chunk_documents (seq) WHERE terms IS NULL;
