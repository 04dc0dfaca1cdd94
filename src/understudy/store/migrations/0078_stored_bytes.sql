-- The size of an upload into a container; null of those by earlier versions until it has been measured.
ALTER TABLE container_uploads ADD COLUMN bytes BIGINT;
CREATE INDEX container_uploads_unmeasured ON container_uploads (seq) WHERE bytes IS NULL;
