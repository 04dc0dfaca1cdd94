-- How often a server died over a file or a video; `attempts` no longer counts those.
ALTER TABLE store_files ADD COLUMN interruptions BIGINT NOT NULL DEFAULT 0;
ALTER TABLE generations ADD COLUMN interruptions BIGINT NOT NULL DEFAULT 0;
UPDATE runs SET attempts = 0 WHERE status IN ('queued', 'in_progress', 'requires_action', 'cancelling');
