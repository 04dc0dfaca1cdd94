-- When something was last added to a thread, in milliseconds since 1970. 0: the row was written by a version that does not
-- know this column; the server fills it.
ALTER TABLE threads ADD COLUMN last_active_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX threads_unfilled ON threads (seq) WHERE last_active_at = 0 AND body IS NOT NULL;
CREATE INDEX threads_by_activity ON threads (project_id, last_active_at, seq) WHERE body IS NOT NULL;
