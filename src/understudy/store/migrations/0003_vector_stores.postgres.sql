-- Texts are compared by their code points, as the other engine does.
ALTER TABLE file_attributes ALTER COLUMN text TYPE TEXT COLLATE "C";
