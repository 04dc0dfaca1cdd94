-- Administration: keys with scopes, an end and a use; admin keys, which open no project; service accounts; the audit log.
ALTER TABLE projects ADD COLUMN archived_at BIGINT;
ALTER TABLE keys ADD COLUMN scopes TEXT;
ALTER TABLE keys ADD COLUMN expires_at BIGINT;
ALTER TABLE keys ADD COLUMN last_used_at BIGINT;
ALTER TABLE keys ADD COLUMN service_account_id TEXT;
-- The secret before a rotation, which is valid until its end.
ALTER TABLE keys ADD COLUMN old_hash TEXT;
ALTER TABLE keys ADD COLUMN old_expires_at BIGINT;
ALTER TABLE keys ADD COLUMN old_last_used_at BIGINT;
CREATE INDEX keys_old_hash ON keys (old_hash) WHERE old_hash IS NOT NULL;
CREATE INDEX keys_page ON keys (project_id, seq);

CREATE TABLE admin_keys (
    seq {sequence},
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    hint TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT,
    revoked_at BIGINT
);

CREATE TABLE service_accounts (
    seq {sequence},
    id TEXT NOT NULL UNIQUE,
    project_id TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX service_accounts_page ON service_accounts (project_id, seq);

-- Entries are only added. `body` is the entry as the API returns it.
CREATE TABLE audit_logs (
    seq {sequence},
    id TEXT NOT NULL UNIQUE,
    effective_at BIGINT NOT NULL,
    type TEXT NOT NULL,
    project_id TEXT,
    actor_id TEXT NOT NULL,
    resource_id TEXT,
    body TEXT NOT NULL
);
CREATE INDEX audit_logs_time ON audit_logs (effective_at, seq);
