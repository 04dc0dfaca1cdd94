-- An export lists uploads and transcriptions, which have no list of their own.
CREATE INDEX uploads_page ON uploads (project_id, seq);
CREATE INDEX transcriptions_page ON transcriptions (project_id, seq);
