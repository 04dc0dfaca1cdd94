-- Imports, exports and deletions of a project's objects, as jobs. `input` and `output` are blobs.
CREATE TABLE transfers (
    seq {sequence},
    id TEXT NOT NULL UNIQUE,
    project_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    owner TEXT,
    attempts BIGINT NOT NULL DEFAULT 0,
    interruptions BIGINT NOT NULL DEFAULT 0,
    due_at DOUBLE PRECISION NOT NULL DEFAULT 0,
    input TEXT,
    output TEXT,
    body TEXT
);
CREATE INDEX transfers_page ON transfers (project_id, kind, seq) WHERE body IS NOT NULL;
CREATE INDEX transfers_waiting ON transfers (project_id, seq, due_at)
    WHERE owner IS NULL AND status IN ('queued', 'in_progress', 'cancelling');
CREATE INDEX transfers_owner ON transfers (owner) WHERE owner IS NOT NULL;

-- Members of imported objects that this server does not know, as a JSON object.
CREATE TABLE unknown_members (
    id TEXT NOT NULL PRIMARY KEY,
    members TEXT NOT NULL
);
