-- What the blob store keeps for the rows below. `uses` counts the rows that name a blob; one without any is being
-- written, and belongs to its writer until `held_until`.
CREATE TABLE blobs (
    name TEXT NOT NULL PRIMARY KEY,
    sha256 TEXT NOT NULL,
    uses BIGINT NOT NULL,
    held_until DOUBLE PRECISION NOT NULL
);
CREATE INDEX blobs_content ON blobs (sha256) WHERE uses > 0;
CREATE INDEX blobs_held ON blobs (held_until) WHERE uses = 0;

-- Blobs that nothing names any more, and whose bytes are still to be erased.
CREATE TABLE blob_erasures (
    name TEXT NOT NULL PRIMARY KEY
);

CREATE TABLE files (
    seq {sequence},
    id TEXT NOT NULL UNIQUE,
    project_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    blob TEXT NOT NULL,
    expires_at BIGINT,
    body TEXT
);
CREATE INDEX files_page ON files (project_id, seq) WHERE body IS NOT NULL;
CREATE INDEX files_purpose ON files (project_id, purpose, seq) WHERE body IS NOT NULL;
CREATE INDEX files_due ON files (expires_at) WHERE body IS NOT NULL AND expires_at IS NOT NULL;

-- `part_ids` are those that a completed upload was made of, as JSON.
CREATE TABLE uploads (
    seq {sequence},
    id TEXT NOT NULL UNIQUE,
    project_id TEXT NOT NULL,
    status TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    file_seconds BIGINT,
    part_ids TEXT,
    body TEXT NOT NULL
);
CREATE INDEX uploads_due ON uploads (expires_at) WHERE status = 'pending';

CREATE TABLE upload_parts (
    seq {sequence},
    id TEXT NOT NULL UNIQUE,
    upload_id TEXT NOT NULL,
    blob TEXT NOT NULL,
    bytes BIGINT NOT NULL
);
CREATE INDEX upload_parts_upload ON upload_parts (upload_id, seq);
