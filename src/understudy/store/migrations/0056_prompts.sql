-- Stored prompts. The contents of versions never change.
CREATE TABLE prompts (
    seq {sequence},
    id TEXT NOT NULL UNIQUE,
    project_id TEXT NOT NULL,
    body TEXT
);
CREATE INDEX prompts_page ON prompts (project_id, seq) WHERE body IS NOT NULL;

CREATE TABLE prompt_versions (
    prompt_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (prompt_id, version)
);
