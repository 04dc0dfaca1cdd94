-- Imports give the items of several projects one id: an image is counted once in each project.
CREATE OR REPLACE FUNCTION add_item_image() RETURNS trigger AS $$
BEGIN
    -- An item and the response that made it have one image, which is counted once.
    IF NOT EXISTS (
        SELECT 1 FROM item_images WHERE item_id = NEW.item_id AND project_id = NEW.project_id AND seq <> NEW.seq
    ) THEN
        PERFORM add_project_size(NEW.project_id, NEW.bytes, 0);
    END IF;
    RETURN NULL;
END
$$ LANGUAGE plpgsql;
CREATE OR REPLACE FUNCTION remove_item_image() RETURNS trigger AS $$
BEGIN
    -- The row's lock lets one transaction at a time see whether its image was the last one.
    UPDATE blobs SET uses = uses - 1 WHERE name = OLD.blob;
    INSERT INTO blob_erasures (name) SELECT name FROM blobs WHERE name = OLD.blob AND uses <= 0 ON CONFLICT DO NOTHING;
    DELETE FROM blobs WHERE name = OLD.blob AND uses <= 0;
    IF NOT EXISTS (SELECT 1 FROM item_images WHERE item_id = OLD.item_id AND project_id = OLD.project_id) THEN
        PERFORM add_project_size(OLD.project_id, -OLD.bytes, 0);
    END IF;
    RETURN NULL;
END
$$ LANGUAGE plpgsql;
