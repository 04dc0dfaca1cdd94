-- A search with a filter looks up the documents of thousands of chunks, whose rows with their texts are far larger.
CREATE INDEX chunks_documents ON chunks (seq, document);
