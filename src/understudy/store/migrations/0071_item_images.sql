-- The images of calls of image generation: the bytes are a blob, and the item's `result` is null. `owner_id` is the item
-- itself or a response that has it in its output, which may outlive the item. A row has a use of its blob.
CREATE TABLE item_images (
    seq {sequence},
    project_id TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    item_id TEXT NOT NULL,
    blob TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    UNIQUE (owner_id, item_id)
);
CREATE INDEX item_images_item ON item_images (item_id);
CREATE INDEX item_images_project ON item_images (project_id, seq);
