CREATE TRIGGER files_added AFTER INSERT ON files WHEN NEW.body IS NOT NULL BEGIN
    INSERT INTO project_sizes (project_id, slot, bytes, vector_stores)
    VALUES (NEW.project_id, 0, COALESCE(json_extract(NEW.body, '$.bytes'), 0), 0)
    ON CONFLICT (project_id, slot) DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER files_changed AFTER UPDATE OF body ON files WHEN OLD.body IS NOT NEW.body BEGIN
    UPDATE project_sizes SET bytes = bytes + COALESCE(json_extract(NEW.body, '$.bytes'), 0)
        - COALESCE(json_extract(OLD.body, '$.bytes'), 0)
    WHERE project_id = NEW.project_id AND slot = 0;
END;
CREATE TRIGGER vector_stores_added AFTER INSERT ON vector_stores WHEN NEW.body IS NOT NULL BEGIN
    INSERT INTO project_sizes (project_id, slot, bytes, vector_stores) VALUES (NEW.project_id, 0, 0, 1)
    ON CONFLICT (project_id, slot) DO UPDATE SET vector_stores = vector_stores + 1;
END;
CREATE TRIGGER vector_stores_removed AFTER UPDATE OF body ON vector_stores
WHEN OLD.body IS NOT NULL AND NEW.body IS NULL BEGIN
    UPDATE project_sizes SET vector_stores = vector_stores - 1 WHERE project_id = NEW.project_id AND slot = 0;
END;
INSERT INTO project_sizes (project_id, slot, bytes, vector_stores)
    SELECT project_id, 0, sum(bytes), sum(stores) FROM (
        SELECT project_id, COALESCE(json_extract(body, '$.bytes'), 0) AS bytes, 0 AS stores FROM files
        WHERE body IS NOT NULL
        UNION ALL SELECT project_id, 0, 1 FROM vector_stores WHERE body IS NOT NULL
    ) GROUP BY project_id;
