-- The thread that a thread is a branch of.
ALTER TABLE threads ADD COLUMN branched_from TEXT;
CREATE INDEX threads_branched ON threads (project_id, branched_from, seq)
    WHERE body IS NOT NULL AND branched_from IS NOT NULL;
