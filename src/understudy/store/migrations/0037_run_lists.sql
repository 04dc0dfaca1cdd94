-- What a project's list of runs can be narrowed by, and its order. 0 in `created_at`: the row was written by a version
-- that does not know these columns; the server fills them from the body.
ALTER TABLE runs ADD COLUMN assistant_id TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN model TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX runs_unfilled ON runs (seq) WHERE created_at = 0 AND body IS NOT NULL;
CREATE INDEX runs_by_project ON runs (project_id, created_at, seq) WHERE kind = 'run' AND body IS NOT NULL;
CREATE INDEX runs_by_status ON runs (project_id, status, created_at, seq) WHERE kind = 'run' AND body IS NOT NULL;
CREATE INDEX runs_by_assistant ON runs (project_id, assistant_id, status, created_at, seq)
    WHERE kind = 'run' AND body IS NOT NULL;
