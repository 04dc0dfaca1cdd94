-- Counted beside files: those of videos, uploads into containers, parts of uploads, inputs of imports and of
-- transcriptions, and archives of exports.
CREATE TRIGGER generation_blobs_added_bytes AFTER INSERT ON generation_blobs BEGIN
    INSERT INTO project_sizes (project_id, slot, bytes, vector_stores)
    SELECT project_id, 0, NEW.bytes, 0 FROM generations WHERE id = NEW.generation_id
    ON CONFLICT (project_id, slot) DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER generation_blobs_removed_bytes AFTER DELETE ON generation_blobs BEGIN
    INSERT INTO project_sizes (project_id, slot, bytes, vector_stores)
    SELECT project_id, 0, -OLD.bytes, 0 FROM generations WHERE id = OLD.generation_id
    ON CONFLICT (project_id, slot) DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER upload_parts_added_bytes AFTER INSERT ON upload_parts BEGIN
    INSERT INTO project_sizes (project_id, slot, bytes, vector_stores)
    SELECT project_id, 0, NEW.bytes, 0 FROM uploads WHERE id = NEW.upload_id
    ON CONFLICT (project_id, slot) DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER upload_parts_removed_bytes AFTER DELETE ON upload_parts BEGIN
    INSERT INTO project_sizes (project_id, slot, bytes, vector_stores)
    SELECT project_id, 0, -OLD.bytes, 0 FROM uploads WHERE id = OLD.upload_id
    ON CONFLICT (project_id, slot) DO UPDATE SET bytes = bytes + excluded.bytes;
END;
-- The parts of a deleted upload are deleted behind it.
CREATE TRIGGER uploads_removed_bytes AFTER DELETE ON uploads BEGIN
    INSERT INTO project_sizes (project_id, slot, bytes, vector_stores)
    SELECT OLD.project_id, 0, -COALESCE(sum(bytes), 0), 0 FROM upload_parts WHERE upload_id = OLD.id HAVING count(*) > 0
    ON CONFLICT (project_id, slot) DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER transcriptions_added_bytes AFTER INSERT ON transcriptions
WHEN NEW.input IS NOT NULL BEGIN
    INSERT INTO project_sizes (project_id, slot, bytes, vector_stores)
    SELECT NEW.project_id, 0, NEW.bytes, 0 WHERE true
    ON CONFLICT (project_id, slot) DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER transcriptions_ended_bytes AFTER UPDATE OF input ON transcriptions
WHEN OLD.input IS NOT NULL AND NEW.input IS NULL BEGIN
    INSERT INTO project_sizes (project_id, slot, bytes, vector_stores)
    SELECT NEW.project_id, 0, -OLD.bytes, 0 WHERE true
    ON CONFLICT (project_id, slot) DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER transcriptions_removed_bytes AFTER DELETE ON transcriptions
WHEN OLD.input IS NOT NULL BEGIN
    INSERT INTO project_sizes (project_id, slot, bytes, vector_stores)
    SELECT OLD.project_id, 0, -OLD.bytes, 0 WHERE true
    ON CONFLICT (project_id, slot) DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER transfers_added_bytes AFTER INSERT ON transfers
WHEN NEW.input IS NOT NULL OR NEW.output IS NOT NULL BEGIN
    INSERT INTO project_sizes (project_id, slot, bytes, vector_stores)
    SELECT NEW.project_id, 0, COALESCE(json_extract(NEW.body, '$.transfer.bytes'), 0)
        * (NEW.input IS NOT NULL OR NEW.output IS NOT NULL), 0 WHERE true
    ON CONFLICT (project_id, slot) DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER transfers_changed_bytes AFTER UPDATE OF input, output ON transfers
WHEN OLD.input IS NOT NEW.input OR OLD.output IS NOT NEW.output BEGIN
    INSERT INTO project_sizes (project_id, slot, bytes, vector_stores)
    SELECT NEW.project_id, 0, COALESCE(json_extract(NEW.body, '$.transfer.bytes'), 0)
        * (NEW.input IS NOT NULL OR NEW.output IS NOT NULL)
        - COALESCE(json_extract(OLD.body, '$.transfer.bytes'), 0)
        * (OLD.input IS NOT NULL OR OLD.output IS NOT NULL), 0 WHERE true
    ON CONFLICT (project_id, slot) DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER container_uploads_added_bytes AFTER INSERT ON container_uploads
WHEN NEW.bytes IS NOT NULL BEGIN
    INSERT INTO project_sizes (project_id, slot, bytes, vector_stores)
    SELECT project_id, 0, NEW.bytes, 0 FROM containers WHERE id = NEW.container_id
    ON CONFLICT (project_id, slot) DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER container_uploads_measured_bytes AFTER UPDATE OF bytes ON container_uploads
WHEN OLD.bytes IS NULL AND NEW.bytes IS NOT NULL BEGIN
    INSERT INTO project_sizes (project_id, slot, bytes, vector_stores)
    SELECT project_id, 0, NEW.bytes, 0 FROM containers WHERE id = NEW.container_id
    ON CONFLICT (project_id, slot) DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER container_uploads_removed_bytes AFTER DELETE ON container_uploads
WHEN OLD.bytes IS NOT NULL BEGIN
    INSERT INTO project_sizes (project_id, slot, bytes, vector_stores)
    SELECT project_id, 0, -OLD.bytes, 0 FROM containers WHERE id = OLD.container_id
    ON CONFLICT (project_id, slot) DO UPDATE SET bytes = bytes + excluded.bytes;
END;
INSERT INTO project_sizes (project_id, slot, bytes, vector_stores)
    SELECT project_id, 0, sum(bytes), 0 FROM (
        SELECT project_id, bytes FROM generation_blobs JOIN generations ON id = generation_id
        UNION ALL SELECT project_id, upload_parts.bytes FROM upload_parts JOIN uploads ON uploads.id = upload_id
        UNION ALL SELECT project_id, bytes FROM transcriptions WHERE input IS NOT NULL
        UNION ALL SELECT project_id, COALESCE(json_extract(body, '$.transfer.bytes'), 0) FROM transfers
        WHERE (input IS NOT NULL OR output IS NOT NULL) AND body IS NOT NULL
    ) AS stored WHERE true GROUP BY project_id
    ON CONFLICT (project_id, slot) DO UPDATE SET bytes = project_sizes.bytes + excluded.bytes;
