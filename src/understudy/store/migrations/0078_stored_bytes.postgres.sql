-- Counted beside files: those of videos, uploads into containers, parts of uploads, inputs of imports and of
-- transcriptions, and archives of exports.
CREATE FUNCTION add_owned_bytes(owners TEXT, owner TEXT, added BIGINT) RETURNS void AS $$
DECLARE
    project TEXT;
BEGIN
    EXECUTE format('SELECT project_id FROM %I WHERE id = $1', owners) INTO project USING owner;
    IF project IS NOT NULL AND added <> 0 THEN
        PERFORM add_project_size(project, added, 0);
    END IF;
END
$$ LANGUAGE plpgsql;
CREATE FUNCTION count_generation_blob() RETURNS trigger AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM add_owned_bytes('generations', NEW.generation_id, NEW.bytes);
    ELSE
        PERFORM add_owned_bytes('generations', OLD.generation_id, -OLD.bytes);
    END IF;
    RETURN NULL;
END
$$ LANGUAGE plpgsql;
CREATE FUNCTION count_upload_part() RETURNS trigger AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM add_owned_bytes('uploads', NEW.upload_id, NEW.bytes);
    ELSE
        PERFORM add_owned_bytes('uploads', OLD.upload_id, -OLD.bytes);
    END IF;
    RETURN NULL;
END
$$ LANGUAGE plpgsql;
-- The parts of a deleted upload are deleted behind it.
CREATE FUNCTION count_deleted_upload() RETURNS trigger AS $$
DECLARE
    size BIGINT := (SELECT COALESCE(sum(bytes), 0) FROM upload_parts WHERE upload_id = OLD.id);
BEGIN
    IF size <> 0 THEN
        PERFORM add_project_size(OLD.project_id, -size, 0);
    END IF;
    RETURN NULL;
END
$$ LANGUAGE plpgsql;
CREATE FUNCTION count_container_upload() RETURNS trigger AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM add_owned_bytes('containers', OLD.container_id, -OLD.bytes);
    ELSE
        PERFORM add_owned_bytes('containers', NEW.container_id, NEW.bytes);
    END IF;
    RETURN NULL;
END
$$ LANGUAGE plpgsql;
CREATE FUNCTION count_transcription() RETURNS trigger AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM add_project_size(NEW.project_id, NEW.bytes, 0);
    ELSE
        PERFORM add_project_size(OLD.project_id, -OLD.bytes, 0);
    END IF;
    RETURN NULL;
END
$$ LANGUAGE plpgsql;
CREATE FUNCTION transfer_bytes(input TEXT, output TEXT, body TEXT) RETURNS BIGINT AS $$
    SELECT CASE WHEN input IS NULL AND output IS NULL THEN 0
        ELSE COALESCE((body::json->'transfer'->>'bytes')::bigint, 0) END
$$ LANGUAGE sql;
CREATE FUNCTION count_transfer() RETURNS trigger AS $$
DECLARE
    size BIGINT := transfer_bytes(NEW.input, NEW.output, NEW.body);
BEGIN
    IF TG_OP = 'UPDATE' THEN
        size := size - transfer_bytes(OLD.input, OLD.output, OLD.body);
    END IF;
    IF size <> 0 THEN
        PERFORM add_project_size(NEW.project_id, size, 0);
    END IF;
    RETURN NULL;
END
$$ LANGUAGE plpgsql;
CREATE TRIGGER generation_blobs_bytes AFTER INSERT OR DELETE ON generation_blobs FOR EACH ROW
    EXECUTE FUNCTION count_generation_blob();
CREATE TRIGGER upload_parts_bytes AFTER INSERT OR DELETE ON upload_parts FOR EACH ROW
    EXECUTE FUNCTION count_upload_part();
CREATE TRIGGER uploads_bytes AFTER DELETE ON uploads FOR EACH ROW EXECUTE FUNCTION count_deleted_upload();
CREATE TRIGGER container_uploads_added_bytes AFTER INSERT ON container_uploads FOR EACH ROW
    WHEN (NEW.bytes IS NOT NULL) EXECUTE FUNCTION count_container_upload();
CREATE TRIGGER container_uploads_measured_bytes AFTER UPDATE OF bytes ON container_uploads FOR EACH ROW
    WHEN (OLD.bytes IS NULL AND NEW.bytes IS NOT NULL) EXECUTE FUNCTION count_container_upload();
CREATE TRIGGER container_uploads_removed_bytes AFTER DELETE ON container_uploads FOR EACH ROW
    WHEN (OLD.bytes IS NOT NULL) EXECUTE FUNCTION count_container_upload();
CREATE TRIGGER transcriptions_added_bytes AFTER INSERT ON transcriptions FOR EACH ROW
    WHEN (NEW.input IS NOT NULL) EXECUTE FUNCTION count_transcription();
CREATE TRIGGER transcriptions_ended_bytes AFTER UPDATE OF input ON transcriptions FOR EACH ROW
    WHEN (OLD.input IS NOT NULL AND NEW.input IS NULL) EXECUTE FUNCTION count_transcription();
CREATE TRIGGER transcriptions_removed_bytes AFTER DELETE ON transcriptions FOR EACH ROW
    WHEN (OLD.input IS NOT NULL) EXECUTE FUNCTION count_transcription();
CREATE TRIGGER transfers_added_bytes AFTER INSERT ON transfers FOR EACH ROW
    WHEN (NEW.input IS NOT NULL OR NEW.output IS NOT NULL) EXECUTE FUNCTION count_transfer();
CREATE TRIGGER transfers_changed_bytes AFTER UPDATE OF input, output ON transfers FOR EACH ROW
    WHEN (OLD.input IS DISTINCT FROM NEW.input OR OLD.output IS DISTINCT FROM NEW.output)
    EXECUTE FUNCTION count_transfer();
INSERT INTO project_sizes (project_id, slot, bytes, vector_stores)
    SELECT project_id, 0, sum(bytes), 0 FROM (
        SELECT project_id, bytes FROM generation_blobs JOIN generations ON id = generation_id
        UNION ALL SELECT project_id, upload_parts.bytes FROM upload_parts JOIN uploads ON uploads.id = upload_id
        UNION ALL SELECT project_id, bytes FROM transcriptions WHERE input IS NOT NULL
        UNION ALL SELECT project_id, COALESCE((body::json->'transfer'->>'bytes')::bigint, 0) FROM transfers
        WHERE (input IS NOT NULL OR output IS NOT NULL) AND body IS NOT NULL
    ) AS stored GROUP BY project_id
    ON CONFLICT (project_id, slot) DO UPDATE SET bytes = project_sizes.bytes + excluded.bytes;
