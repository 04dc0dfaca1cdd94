-- Chat completions that were stored on request. `messages` is what was asked, as it is listed.
CREATE TABLE chat_completions (
    seq {sequence},
    id TEXT NOT NULL UNIQUE,
    project_id TEXT NOT NULL,
    messages TEXT,
    body TEXT
);
CREATE INDEX chat_completions_page ON chat_completions (project_id, seq) WHERE body IS NOT NULL;

-- What a list can be narrowed by: `["name","value"]` of the metadata, and `["name"]` of the model.
CREATE TABLE chat_completion_tags (
    completion_id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    tag TEXT NOT NULL,
    PRIMARY KEY (completion_id, tag)
);
CREATE INDEX chat_completion_tags_tag ON chat_completion_tags (project_id, tag, completion_id);
