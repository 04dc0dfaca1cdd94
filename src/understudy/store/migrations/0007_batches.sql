-- A batch is a job of many requests, whichever dialect asked for it. Its requests are lines of `input`, a blob that the
-- batch holds until it has ended; `results` is the blob of the answers where they are no File. `owner` is the worker
-- that has it. The counts and the usage are those of the lines that were answered, changed in the same transaction.
CREATE TABLE batches (
    seq {sequence},
    id TEXT NOT NULL UNIQUE,
    project_id TEXT NOT NULL,
    dialect TEXT NOT NULL,
    status TEXT NOT NULL,
    owner TEXT,
    input TEXT,
    results TEXT,
    total BIGINT NOT NULL,
    completed BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    input_tokens BIGINT NOT NULL,
    cached_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    reasoning_tokens BIGINT NOT NULL,
    body TEXT
);
CREATE INDEX batches_page ON batches (project_id, dialect, seq) WHERE body IS NOT NULL;
CREATE INDEX batches_active ON batches (project_id, seq)
    WHERE status IN ('validating', 'in_progress', 'finalizing', 'cancelling');

-- One request: where it is in the input, and its answer once there is one. `custom_id` is encoded as JSON.
CREATE TABLE batch_lines (
    batch BIGINT NOT NULL,
    line BIGINT NOT NULL,
    custom_id TEXT NOT NULL,
    place BIGINT NOT NULL,
    length BIGINT NOT NULL,
    request_id TEXT,
    status_code BIGINT,
    answer TEXT,
    PRIMARY KEY (batch, line)
);
CREATE INDEX batch_lines_waiting ON batch_lines (batch, line) WHERE status_code IS NULL;

-- Batches that have ended, whose lines are still to be erased, a few at a time.
CREATE TABLE batch_erasures (
    batch BIGINT NOT NULL PRIMARY KEY
);
