-- Videos that are made of prompts. `owner` is who works on one; `ordered_at` is when an order was sent to another service,
-- and `upstream_id` what that calls it. `token` opens the files to whoever has the address. `request_key` is what a
-- client named its request, so that asking twice makes one.
CREATE TABLE generations (
    seq {sequence},
    id TEXT NOT NULL UNIQUE,
    project_id TEXT NOT NULL,
    state TEXT NOT NULL,
    owner TEXT,
    attempts BIGINT NOT NULL,
    due_at DOUBLE PRECISION NOT NULL,
    provider TEXT NOT NULL,
    ordered_at DOUBLE PRECISION,
    upstream_id TEXT,
    token TEXT NOT NULL,
    request_key TEXT,
    ended_at DOUBLE PRECISION,
    body TEXT
);
CREATE INDEX generations_page ON generations (project_id, seq) WHERE body IS NOT NULL;
CREATE INDEX generations_waiting ON generations (seq) WHERE state IN ('queued', 'dreaming');
CREATE INDEX generations_upstream ON generations (upstream_id) WHERE upstream_id IS NOT NULL;
CREATE INDEX generations_ended ON generations (ended_at) WHERE body IS NOT NULL AND ended_at IS NOT NULL;
CREATE UNIQUE INDEX generations_request ON generations (project_id, request_key) WHERE request_key IS NOT NULL;

-- `role` is `video` or `thumbnail` for what was made, `start` or `end` for a picture that it was made of.
CREATE TABLE generation_blobs (
    generation_id TEXT NOT NULL,
    role TEXT NOT NULL,
    blob TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (generation_id, role)
);

-- Who is still to be told that a video has ended, and when next.
CREATE TABLE generation_callbacks (
    generation_id TEXT NOT NULL PRIMARY KEY,
    due_at DOUBLE PRECISION NOT NULL,
    attempts BIGINT NOT NULL
);
CREATE INDEX generation_callbacks_due ON generation_callbacks (due_at);
