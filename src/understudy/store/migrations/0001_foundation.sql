-- `{sequence}` is the dialect's ever-growing row number; a NULL body is a deleted object that still marks its place in
-- a list, so that a pager which stands on it can go on.

CREATE TABLE projects (
    seq {sequence},
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE keys (
    seq {sequence},
    id TEXT NOT NULL UNIQUE,
    project_id TEXT NOT NULL,
    name TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    hint TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);

CREATE TABLE assistants (
    seq {sequence},
    id TEXT NOT NULL UNIQUE,
    project_id TEXT NOT NULL,
    body TEXT
);
CREATE INDEX assistants_page ON assistants (project_id, seq) WHERE body IS NOT NULL;

CREATE TABLE threads (
    seq {sequence},
    id TEXT NOT NULL UNIQUE,
    project_id TEXT NOT NULL,
    body TEXT
);
CREATE INDEX threads_page ON threads (project_id, seq) WHERE body IS NOT NULL;

CREATE TABLE thread_metadata (
    thread_id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    pair TEXT NOT NULL,
    PRIMARY KEY (thread_id, pair)
);
CREATE INDEX thread_metadata_pair ON thread_metadata (project_id, pair, thread_id);

-- Deleted threads whose contents are still to be erased, a few rows at a time.
CREATE TABLE erasures (
    thread_id TEXT NOT NULL PRIMARY KEY
);

-- Everything said in a thread, in order. `kind` is `message`, `function_call` or `function_call_output`; only a message
-- has a `role`.
CREATE TABLE items (
    seq {sequence},
    id TEXT NOT NULL UNIQUE,
    thread_id TEXT NOT NULL,
    run_id TEXT,
    kind TEXT NOT NULL,
    role TEXT,
    body TEXT
);
CREATE INDEX items_page ON items (thread_id, seq) WHERE body IS NOT NULL;
CREATE INDEX items_run ON items (run_id, seq) WHERE run_id IS NOT NULL;

-- `owner` is the worker that has the run; `progress` is what only the engine needs to go on with it.
CREATE TABLE runs (
    seq {sequence},
    id TEXT NOT NULL UNIQUE,
    thread_id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    status TEXT NOT NULL,
    owner TEXT,
    attempts BIGINT NOT NULL,
    expires_at DOUBLE PRECISION NOT NULL,
    progress TEXT NOT NULL,
    body TEXT
);
CREATE INDEX runs_page ON runs (thread_id, seq) WHERE body IS NOT NULL;
CREATE UNIQUE INDEX runs_lock ON runs (thread_id)
    WHERE status IN ('queued', 'in_progress', 'requires_action', 'cancelling');
CREATE INDEX runs_due ON runs (expires_at)
    WHERE status IN ('queued', 'in_progress', 'requires_action', 'cancelling');

CREATE TABLE steps (
    seq {sequence},
    id TEXT NOT NULL UNIQUE,
    run_id TEXT NOT NULL,
    open BIGINT NOT NULL,
    body TEXT
);
CREATE INDEX steps_page ON steps (run_id, seq);

-- A worker is a process that runs runs; it lives until its lease ends.
CREATE TABLE workers (
    id TEXT NOT NULL PRIMARY KEY,
    lease_until DOUBLE PRECISION NOT NULL
);
