-- Runs of dead workers. On SQLite, a worker dies only with its server.
CREATE INDEX runs_owned ON runs (owner) WHERE owner IS NOT NULL AND status IN ('queued', 'in_progress', 'cancelling');
