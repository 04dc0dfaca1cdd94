-- Transcriptions in the background. `input` is the blob of the form that goes to the provider,
-- until the job has ended, and `bytes` its size.
CREATE TABLE transcriptions (
    seq {sequence},
    id TEXT NOT NULL UNIQUE,
    project_id TEXT NOT NULL,
    status TEXT NOT NULL,
    owner TEXT,
    attempts BIGINT NOT NULL DEFAULT 0,
    interruptions BIGINT NOT NULL DEFAULT 0,
    due_at DOUBLE PRECISION NOT NULL DEFAULT 0,
    ended_at DOUBLE PRECISION,
    input TEXT,
    bytes BIGINT NOT NULL,
    body TEXT,
    origin TEXT
);
CREATE INDEX transcriptions_waiting ON transcriptions (project_id, seq, due_at)
    WHERE owner IS NULL AND status IN ('queued', 'generating');
CREATE INDEX transcriptions_owner ON transcriptions (owner) WHERE owner IS NOT NULL;
CREATE INDEX transcriptions_ended ON transcriptions (ended_at) WHERE ended_at IS NOT NULL;
