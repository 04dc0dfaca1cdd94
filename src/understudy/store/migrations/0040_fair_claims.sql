-- Jobs that wait for a worker, by project: the oldest of each is found at a cost that does not grow with their number.
-- Jobs of workers that have died are found by their owners.
CREATE INDEX batches_waiting ON batches (project_id, seq)
    WHERE owner IS NULL AND status IN ('validating', 'finalizing', 'cancelling');
CREATE INDEX batches_answering ON batches (project_id, seq) WHERE owner IS NULL AND status = 'in_progress';
CREATE INDEX batches_owned ON batches (owner) WHERE owner IS NOT NULL;
CREATE INDEX generations_claimable ON generations (project_id, seq, due_at)
    WHERE owner IS NULL AND state IN ('queued', 'dreaming') AND COALESCE(body, '') <> '';
CREATE INDEX generations_owned ON generations (owner) WHERE owner IS NOT NULL;
CREATE INDEX store_files_claimable ON store_files (project_id, store, seq, due_at)
    WHERE owner IS NULL AND status = 'in_progress' AND body IS NOT NULL;

ALTER TABLE chunk_documents ADD COLUMN project_id TEXT NOT NULL DEFAULT '';
UPDATE chunk_documents
    SET project_id = COALESCE((SELECT project_id FROM vector_stores WHERE vector_stores.seq = chunk_documents.store), '')
    WHERE state = 1 AND is_copied = 0 AND embedder = 'builtin';
CREATE INDEX chunk_documents_claimable ON chunk_documents (project_id, store, seq, due_at)
    WHERE owner IS NULL AND state = 1 AND is_copied = 0 AND embedder = 'builtin';
