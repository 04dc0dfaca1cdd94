-- The runs of a worker, and those whose worker has died, are looked for among the active ones, by this index alone.
DROP INDEX runs_active;
CREATE INDEX runs_active ON runs (project_id, status, created_at, seq, assistant_id, key_id, expires_at, owner)
    WHERE status IN ('queued', 'in_progress', 'requires_action', 'cancelling');
