CREATE VIRTUAL TABLE item_text USING fts5 (words, content = '', contentless_delete = 1);
