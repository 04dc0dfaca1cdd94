-- The Files that a client has put into a container: they are put there again where its session was lost.
CREATE TABLE container_files (
    container_id TEXT NOT NULL,
    file_id TEXT NOT NULL,
    PRIMARY KEY (container_id, file_id)
);
