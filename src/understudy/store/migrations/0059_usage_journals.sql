-- How far the journals of usage are folded into `usage` and the sums: `position` is in bytes from the beginning of the
-- file `usage/<id>.journal` in the data directory of the process that writes it.
CREATE TABLE usage_journals (
    id TEXT NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL,
    folded_at BIGINT NOT NULL
);
