-- The counts are those of the store's files; every change of a file's status changes them in the same transaction.
-- `embedder` is what the store's files are indexed with, NULL until the first one is.
CREATE TABLE vector_stores (
    seq {sequence},
    id TEXT NOT NULL UNIQUE,
    project_id TEXT NOT NULL,
    embedder TEXT,
    in_progress BIGINT NOT NULL,
    completed BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    cancelled BIGINT NOT NULL,
    usage_bytes BIGINT NOT NULL,
    last_active_at BIGINT NOT NULL,
    expires_at BIGINT,
    body TEXT
);
CREATE INDEX vector_stores_page ON vector_stores (project_id, seq) WHERE body IS NOT NULL;
CREATE INDEX vector_stores_waiting ON vector_stores (seq) WHERE in_progress > 0;

-- A file as it is in a store; `id` is the File's. `owner` is the worker that indexes it, `round` counts how often it
-- was given to be indexed, `attempts` the tries of this round, and `due_at` is when the next one may begin.
CREATE TABLE store_files (
    seq {sequence},
    id TEXT NOT NULL,
    store BIGINT NOT NULL,
    project_id TEXT NOT NULL,
    filename TEXT NOT NULL,
    status TEXT NOT NULL,
    owner TEXT,
    round BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    due_at DOUBLE PRECISION NOT NULL,
    body TEXT
);
CREATE UNIQUE INDEX store_files_once ON store_files (store, id) WHERE body IS NOT NULL;
CREATE INDEX store_files_page ON store_files (store, seq) WHERE body IS NOT NULL;
CREATE INDEX store_files_status ON store_files (store, status, seq) WHERE body IS NOT NULL;
CREATE INDEX store_files_file ON store_files (id);
CREATE INDEX store_files_owner ON store_files (owner) WHERE owner IS NOT NULL;

-- One attribute of one file, in the column of its type: `flag` is a boolean, 0 or 1.
CREATE TABLE file_attributes (
    file BIGINT NOT NULL,
    store BIGINT NOT NULL,
    name TEXT NOT NULL,
    text TEXT,
    number DOUBLE PRECISION,
    flag BIGINT,
    PRIMARY KEY (file, name)
);
CREATE INDEX file_attributes_text ON file_attributes (store, name, text);
CREATE INDEX file_attributes_number ON file_attributes (store, name, number);

CREATE TABLE file_batches (
    seq {sequence},
    id TEXT NOT NULL UNIQUE,
    store BIGINT NOT NULL,
    cancelled BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX file_batches_store ON file_batches (store);

CREATE TABLE batch_files (
    batch BIGINT NOT NULL,
    file BIGINT NOT NULL,
    PRIMARY KEY (batch, file)
);

-- Deleted stores whose rows are still to be erased, a few at a time.
CREATE TABLE store_erasures (
    store BIGINT NOT NULL PRIMARY KEY
);
