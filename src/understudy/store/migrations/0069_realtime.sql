-- Ephemeral keys of realtime sessions, by the SHA-256 of their values, with the session that they open.
CREATE TABLE client_secrets (
    hash TEXT NOT NULL PRIMARY KEY,
    project_id TEXT NOT NULL,
    key_id TEXT NOT NULL,
    session TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX client_secrets_due ON client_secrets (expires_at);
-- The tokens of audio among the input and the output.
ALTER TABLE usage ADD COLUMN input_audio_tokens BIGINT NOT NULL DEFAULT 0;
ALTER TABLE usage ADD COLUMN output_audio_tokens BIGINT NOT NULL DEFAULT 0;
