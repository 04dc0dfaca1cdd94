-- People who sign in, their places in projects, and the addresses that are allowed in.
CREATE TABLE users (
    seq {sequence},
    id TEXT NOT NULL UNIQUE,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    email TEXT NOT NULL,
    name TEXT,
    role TEXT NOT NULL,
    added_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE UNIQUE INDEX users_subject ON users (issuer, subject);
CREATE INDEX users_email ON users (email);

-- `id` is that of the user.
CREATE TABLE project_users (
    seq {sequence},
    project_id TEXT NOT NULL,
    id TEXT NOT NULL,
    role TEXT NOT NULL,
    added_at BIGINT NOT NULL,
    removed_at BIGINT
);
CREATE UNIQUE INDEX project_users_user ON project_users (id, project_id);
CREATE INDEX project_users_page ON project_users (project_id, seq);

-- `projects` is a JSON array of objects with the id of a project and a role in it.
CREATE TABLE invites (
    seq {sequence},
    id TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL,
    role TEXT NOT NULL,
    projects TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    accepted_at BIGINT,
    deleted_at BIGINT
);
CREATE INDEX invites_email ON invites (email);
