CREATE FUNCTION remove_item_images() RETURNS trigger AS $$
BEGIN
    DELETE FROM item_images WHERE owner_id = OLD.id;
    RETURN NULL;
END
$$ LANGUAGE plpgsql;
CREATE FUNCTION add_item_image() RETURNS trigger AS $$
BEGIN
    -- An item and the response that made it have one image, which is counted once.
    IF NOT EXISTS (SELECT 1 FROM item_images WHERE item_id = NEW.item_id AND seq <> NEW.seq) THEN
        PERFORM add_project_size(NEW.project_id, NEW.bytes, 0);
    END IF;
    RETURN NULL;
END
$$ LANGUAGE plpgsql;
CREATE FUNCTION remove_item_image() RETURNS trigger AS $$
BEGIN
    -- The row's lock lets one transaction at a time see whether its image was the last one.
    UPDATE blobs SET uses = uses - 1 WHERE name = OLD.blob;
    INSERT INTO blob_erasures (name) SELECT name FROM blobs WHERE name = OLD.blob AND uses <= 0 ON CONFLICT DO NOTHING;
    DELETE FROM blobs WHERE name = OLD.blob AND uses <= 0;
    IF NOT EXISTS (SELECT 1 FROM item_images WHERE item_id = OLD.item_id) THEN
        PERFORM add_project_size(OLD.project_id, -OLD.bytes, 0);
    END IF;
    RETURN NULL;
END
$$ LANGUAGE plpgsql;
CREATE TRIGGER item_images_of_erased_items AFTER DELETE ON items FOR EACH ROW
    WHEN (OLD.kind = 'image_generation') EXECUTE FUNCTION remove_item_images();
CREATE TRIGGER item_images_of_deleted_items AFTER UPDATE OF body ON items FOR EACH ROW
    WHEN (OLD.kind = 'image_generation' AND NEW.body IS NULL) EXECUTE FUNCTION remove_item_images();
CREATE TRIGGER item_images_of_responses AFTER DELETE ON responses FOR EACH ROW
    WHEN (position('image_generation_call' IN OLD.body) > 0) EXECUTE FUNCTION remove_item_images();
CREATE TRIGGER item_images_added AFTER INSERT ON item_images FOR EACH ROW EXECUTE FUNCTION add_item_image();
CREATE TRIGGER item_images_removed AFTER DELETE ON item_images FOR EACH ROW EXECUTE FUNCTION remove_item_image();
