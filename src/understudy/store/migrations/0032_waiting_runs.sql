-- Projects with runs that wait for a worker, and the oldest of each, at a cost that does not grow with their number.
CREATE INDEX runs_waiting ON runs (project_id, seq)
    WHERE owner IS NULL AND status IN ('queued', 'in_progress', 'cancelling');
