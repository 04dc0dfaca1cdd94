-- A run that begins at once is in fewer indexes until it ends, and its end changes none of those that it stays in: the
-- lists by status have runs that have ended, and one index has all columns by which active runs are looked for.
DROP INDEX runs_due;
DROP INDEX runs_active;
DROP INDEX runs_by_status;
DROP INDEX runs_by_assistant;
CREATE INDEX runs_by_status ON runs (project_id, status, created_at, seq)
    WHERE kind = 'run' AND body IS NOT NULL
    AND status NOT IN ('queued', 'in_progress', 'requires_action', 'cancelling');
CREATE INDEX runs_by_assistant ON runs (project_id, assistant_id, status, created_at, seq)
    WHERE kind = 'run' AND body IS NOT NULL
    AND status NOT IN ('queued', 'in_progress', 'requires_action', 'cancelling');
CREATE INDEX runs_active ON runs (project_id, status, created_at, seq, assistant_id, key_id, expires_at)
    WHERE status IN ('queued', 'in_progress', 'requires_action', 'cancelling');
