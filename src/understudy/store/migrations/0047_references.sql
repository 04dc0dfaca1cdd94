-- What the tool resources of assistants and threads name: `target` is a file or a vector store, `source` the object of the
-- kind `assistant` or `thread`.
CREATE TABLE resource_references (
    target TEXT NOT NULL,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    PRIMARY KEY (target, kind, source)
);
CREATE INDEX resource_references_source ON resource_references (source);
