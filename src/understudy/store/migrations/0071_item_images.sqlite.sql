CREATE TRIGGER item_images_of_erased_items AFTER DELETE ON items WHEN OLD.kind = 'image_generation' BEGIN
    DELETE FROM item_images WHERE owner_id = OLD.id;
END;
CREATE TRIGGER item_images_of_deleted_items AFTER UPDATE OF body ON items
WHEN OLD.kind = 'image_generation' AND NEW.body IS NULL BEGIN
    DELETE FROM item_images WHERE owner_id = OLD.id;
END;
CREATE TRIGGER item_images_of_responses AFTER DELETE ON responses
WHEN instr(OLD.body, 'image_generation_call') > 0 BEGIN
    DELETE FROM item_images WHERE owner_id = OLD.id;
END;
CREATE TRIGGER item_images_removed AFTER DELETE ON item_images BEGIN
    UPDATE blobs SET uses = uses - 1 WHERE name = OLD.blob;
    INSERT OR IGNORE INTO blob_erasures (name) SELECT name FROM blobs WHERE name = OLD.blob AND uses <= 0;
    DELETE FROM blobs WHERE name = OLD.blob AND uses <= 0;
END;
CREATE TRIGGER item_images_added_bytes AFTER INSERT ON item_images
WHEN NOT EXISTS (SELECT 1 FROM item_images WHERE item_id = NEW.item_id AND seq <> NEW.seq) BEGIN
    INSERT INTO project_sizes (project_id, slot, bytes, vector_stores) VALUES (NEW.project_id, 0, NEW.bytes, 0)
    ON CONFLICT (project_id, slot) DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER item_images_removed_bytes AFTER DELETE ON item_images
WHEN NOT EXISTS (SELECT 1 FROM item_images WHERE item_id = OLD.item_id) BEGIN
    UPDATE project_sizes SET bytes = bytes - OLD.bytes WHERE project_id = OLD.project_id AND slot = 0;
END;
