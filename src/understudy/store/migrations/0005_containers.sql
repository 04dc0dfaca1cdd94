-- A container is where code runs: a thread's own, or one that a client has made. What is in it lives in the sandbox and
-- ends with it.
CREATE TABLE containers (
    seq {sequence},
    id TEXT NOT NULL UNIQUE,
    project_id TEXT NOT NULL,
    thread_id TEXT UNIQUE,
    name TEXT NOT NULL,
    last_active_at BIGINT NOT NULL,
    body TEXT
);
CREATE INDEX containers_page ON containers (project_id, seq) WHERE body IS NOT NULL;
