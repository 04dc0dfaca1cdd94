-- Imports give the items of several projects one id: an image is counted once in each project.
DROP TRIGGER item_images_added_bytes;
DROP TRIGGER item_images_removed_bytes;
CREATE TRIGGER item_images_added_bytes AFTER INSERT ON item_images
WHEN NOT EXISTS (
    SELECT 1 FROM item_images WHERE item_id = NEW.item_id AND project_id = NEW.project_id AND seq <> NEW.seq
) BEGIN
    INSERT INTO project_sizes (project_id, slot, bytes, vector_stores) VALUES (NEW.project_id, 0, NEW.bytes, 0)
    ON CONFLICT (project_id, slot) DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER item_images_removed_bytes AFTER DELETE ON item_images
WHEN NOT EXISTS (SELECT 1 FROM item_images WHERE item_id = OLD.item_id AND project_id = OLD.project_id) BEGIN
    UPDATE project_sizes SET bytes = bytes - OLD.bytes WHERE project_id = OLD.project_id AND slot = 0;
END;
