-- Base64 of clients in items and stored chats is a blob as well, which `item_images` names by its marker in the text.
CREATE TRIGGER item_data_of_erased_items AFTER DELETE ON items FOR EACH ROW
    WHEN (position('understudy-data:' IN OLD.body) > 0) EXECUTE FUNCTION remove_item_images();
CREATE TRIGGER item_data_of_deleted_items AFTER UPDATE OF body ON items FOR EACH ROW
    WHEN (NEW.body IS NULL AND position('understudy-data:' IN OLD.body) > 0) EXECUTE FUNCTION remove_item_images();
CREATE TRIGGER item_data_of_erased_chats AFTER DELETE ON chat_completions FOR EACH ROW
    WHEN (OLD.body IS NOT NULL) EXECUTE FUNCTION remove_item_images();
CREATE TRIGGER item_data_of_deleted_chats AFTER UPDATE OF body ON chat_completions FOR EACH ROW
    WHEN (NEW.body IS NULL AND OLD.body IS NOT NULL) EXECUTE FUNCTION remove_item_images();
