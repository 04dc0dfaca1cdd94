CREATE FUNCTION add_project_size(project TEXT, added_bytes BIGINT, added_stores BIGINT) RETURNS void AS $$
    INSERT INTO project_sizes (project_id, slot, bytes, vector_stores)
    VALUES (project, pg_backend_pid() % 8, added_bytes, added_stores)
    ON CONFLICT (project_id, slot) DO UPDATE SET bytes = project_sizes.bytes + excluded.bytes,
        vector_stores = project_sizes.vector_stores + excluded.vector_stores
$$ LANGUAGE sql;
CREATE FUNCTION count_file() RETURNS trigger AS $$
DECLARE
    size BIGINT := COALESCE((NEW.body::json->>'bytes')::bigint, 0);
BEGIN
    IF TG_OP = 'UPDATE' THEN
        size := size - COALESCE((OLD.body::json->>'bytes')::bigint, 0);
    END IF;
    IF size <> 0 THEN
        PERFORM add_project_size(NEW.project_id, size, 0);
    END IF;
    RETURN NULL;
END
$$ LANGUAGE plpgsql;
CREATE FUNCTION count_vector_store() RETURNS trigger AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM add_project_size(NEW.project_id, 0, 1);
    ELSE
        PERFORM add_project_size(NEW.project_id, 0, -1);
    END IF;
    RETURN NULL;
END
$$ LANGUAGE plpgsql;
CREATE TRIGGER files_added AFTER INSERT ON files FOR EACH ROW WHEN (NEW.body IS NOT NULL) EXECUTE FUNCTION count_file();
CREATE TRIGGER files_changed AFTER UPDATE OF body ON files FOR EACH ROW
    WHEN (OLD.body IS DISTINCT FROM NEW.body) EXECUTE FUNCTION count_file();
CREATE TRIGGER vector_stores_added AFTER INSERT ON vector_stores FOR EACH ROW
    WHEN (NEW.body IS NOT NULL) EXECUTE FUNCTION count_vector_store();
CREATE TRIGGER vector_stores_removed AFTER UPDATE OF body ON vector_stores FOR EACH ROW
    WHEN (OLD.body IS NOT NULL AND NEW.body IS NULL) EXECUTE FUNCTION count_vector_store();
INSERT INTO project_sizes (project_id, slot, bytes, vector_stores)
    SELECT project_id, 0, sum(bytes), sum(stores) FROM (
        SELECT project_id, COALESCE((body::json->>'bytes')::bigint, 0) AS bytes, 0 AS stores FROM files
        WHERE body IS NOT NULL
        UNION ALL SELECT project_id, 0, 1 FROM vector_stores WHERE body IS NOT NULL
    ) AS stored GROUP BY project_id;
