-- Addresses of files that work once and without a key, by the SHA-256 of their tokens.
CREATE TABLE download_links (
    hash TEXT NOT NULL PRIMARY KEY,
    project_id TEXT NOT NULL,
    file_id TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX download_links_due ON download_links (expires_at);
