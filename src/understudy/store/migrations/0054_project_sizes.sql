-- What projects store, counted by triggers in slots, so that writers of one project do not wait for each other.
CREATE TABLE project_sizes (
    project_id TEXT NOT NULL,
    slot BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    vector_stores BIGINT NOT NULL,
    PRIMARY KEY (project_id, slot)
);

-- The key of the request that created the run.
ALTER TABLE runs ADD COLUMN key_id TEXT;
CREATE INDEX runs_active ON runs (project_id, key_id)
    WHERE status IN ('queued', 'in_progress', 'requires_action', 'cancelling');
