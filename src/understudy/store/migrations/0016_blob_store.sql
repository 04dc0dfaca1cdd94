-- Which directory or bucket holds the blobs of this database: the id that is written there. One row at most.
CREATE TABLE blob_store (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL
);
