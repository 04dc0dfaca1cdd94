-- Limits of projects and keys that differ from the settings'. `scope` is a project's or a key's id, `model` is empty for
-- the sum of all models, and the amount -1 is without a limit.
CREATE TABLE limits (
    scope TEXT NOT NULL,
    model TEXT NOT NULL,
    metric TEXT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (scope, model, metric)
);

-- Which models and hosted tools a project may use: JSON, NULL for all.
CREATE TABLE project_permissions (
    project_id TEXT NOT NULL PRIMARY KEY,
    models TEXT,
    tools TEXT
);

-- Counts the changes of the tables above; 0 is none ever.
CREATE TABLE policy_changes (
    number BIGINT NOT NULL
);
INSERT INTO policy_changes (number) VALUES (0);
