-- `steady_at` is the time from which a worker may claim jobs of dead workers: shortly after an outage of the database,
-- the leases of live workers have expired as well.
ALTER TABLE workers ADD COLUMN steady_at DOUBLE PRECISION NOT NULL DEFAULT 0;

-- `epoch` counts the owners of a run. It guards the writes of the one that owns the run now.
ALTER TABLE runs ADD COLUMN epoch BIGINT NOT NULL DEFAULT 1;
