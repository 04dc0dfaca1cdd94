-- What a client has set since the object was made: the engine, which writes the rest of the body, leaves it alone.
ALTER TABLE runs ADD COLUMN metadata TEXT;
ALTER TABLE items ADD COLUMN metadata TEXT;

-- Counts the runs that were added to a thread that was there before. Whoever reads, in one statement, whether a run is
-- active and then waits for the thread's row, finds by it that a run was added while it waited.
ALTER TABLE threads ADD COLUMN activations BIGINT NOT NULL DEFAULT 0;

CREATE UNIQUE INDEX projects_name ON projects (name);
