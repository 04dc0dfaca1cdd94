-- Images, characters of speech, or seconds of a transcribed recording.
ALTER TABLE usage ADD COLUMN units BIGINT NOT NULL DEFAULT 0;
