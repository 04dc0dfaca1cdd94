-- Programs that know the schema `oldest` or a newer one may use the database; 0 is all. `schema` is the newest schema that
-- the program of a worker knows.
ALTER TABLE schema_versions ADD COLUMN oldest BIGINT NOT NULL DEFAULT 0;
UPDATE schema_versions SET oldest = number WHERE number = 33;
ALTER TABLE workers ADD COLUMN schema BIGINT NOT NULL DEFAULT 0;
