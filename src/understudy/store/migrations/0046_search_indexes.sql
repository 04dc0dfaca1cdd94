-- What a search reads of the documents of a store, without their rows; and those that it must leave out, which are few.
CREATE INDEX chunk_documents_totals ON chunk_documents (store, embedder, dimensions, language, chunks, terms) WHERE state = 1;
CREATE INDEX chunk_documents_unready ON chunk_documents (store) WHERE state <> 1;
DROP INDEX chunk_codes_document;
