-- Each change of a run evaluates the conditions of all of these indexes. A list of three or more constants would be a
-- temporary table each time, and the change of a column that a condition names writes the index again. The runs of a
-- worker are looked for among the active ones, by their index alone.
DROP INDEX runs_page;
DROP INDEX runs_lock;
DROP INDEX runs_waiting;
DROP INDEX runs_by_project;
DROP INDEX runs_by_status;
DROP INDEX runs_by_assistant;
DROP INDEX runs_active;
CREATE INDEX runs_page ON runs (thread_id, seq);
CREATE UNIQUE INDEX runs_lock ON runs (thread_id)
    WHERE (status IN ('queued', 'in_progress') OR status IN ('requires_action', 'cancelling'));
CREATE INDEX runs_waiting ON runs (project_id, seq)
    WHERE owner IS NULL AND (status IN ('queued', 'in_progress') OR status = 'cancelling');
CREATE INDEX runs_by_project ON runs (project_id, created_at, seq) WHERE kind = 'run';
CREATE INDEX runs_by_status ON runs (project_id, status, created_at, seq)
    WHERE kind = 'run' AND status NOT IN ('queued', 'in_progress') AND status NOT IN ('requires_action', 'cancelling');
CREATE INDEX runs_by_assistant ON runs (project_id, assistant_id, status, created_at, seq)
    WHERE kind = 'run' AND status NOT IN ('queued', 'in_progress') AND status NOT IN ('requires_action', 'cancelling');
CREATE INDEX runs_active ON runs (project_id, status, created_at, seq, assistant_id, key_id, expires_at, owner)
    WHERE (status IN ('queued', 'in_progress') OR status IN ('requires_action', 'cancelling'));
