-- Files that clients have uploaded into containers: a session that replaces a lost one gets them again. `lifetime` is
-- that of the container without use, in seconds.
CREATE TABLE container_uploads (
    seq {sequence},
    container_id TEXT NOT NULL,
    name TEXT NOT NULL,
    blob TEXT NOT NULL,
    lifetime BIGINT NOT NULL,
    UNIQUE (container_id, name)
);
