-- The processes that work on this database. A node lives until its lease ends, by the clock of the database. `place` is
-- the locked data directory: of two nodes there, the earlier one has died.
CREATE TABLE nodes (
    id TEXT NOT NULL PRIMARY KEY,
    version TEXT NOT NULL,
    role TEXT NOT NULL,
    host TEXT NOT NULL,
    pid BIGINT NOT NULL,
    address TEXT NOT NULL,
    place TEXT NOT NULL,
    is_clustered BIGINT NOT NULL,
    started_at DOUBLE PRECISION NOT NULL,
    seen_at DOUBLE PRECISION NOT NULL
);
