-- Base64 of clients in items and stored chats is a blob as well, which `item_images` names by its marker in the text.
CREATE TRIGGER item_data_of_erased_items AFTER DELETE ON items
WHEN instr(OLD.body, 'understudy-data:') > 0 BEGIN
    DELETE FROM item_images WHERE owner_id = OLD.id;
END;
CREATE TRIGGER item_data_of_deleted_items AFTER UPDATE OF body ON items
WHEN NEW.body IS NULL AND instr(OLD.body, 'understudy-data:') > 0 BEGIN
    DELETE FROM item_images WHERE owner_id = OLD.id;
END;
CREATE TRIGGER item_data_of_erased_chats AFTER DELETE ON chat_completions WHEN OLD.body IS NOT NULL BEGIN
    DELETE FROM item_images WHERE owner_id = OLD.id;
END;
CREATE TRIGGER item_data_of_deleted_chats AFTER UPDATE OF body ON chat_completions
WHEN NEW.body IS NULL AND OLD.body IS NOT NULL BEGIN
    DELETE FROM item_images WHERE owner_id = OLD.id;
END;
