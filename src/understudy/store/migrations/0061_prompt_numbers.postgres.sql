-- As for the other lists of a project: see migration 34. Without it, an ascending list of prompts fails.
ALTER TABLE prompts ALTER COLUMN seq DROP IDENTITY;
CREATE SEQUENCE prompts_numbers OWNED BY prompts.seq;
SELECT setval('prompts_numbers', (SELECT COALESCE(max(seq), 0) + 1 FROM prompts), FALSE);
ALTER TABLE prompts ALTER COLUMN seq SET DEFAULT
    CASE WHEN pg_advisory_xact_lock_shared(1970169956, 1) IS NULL THEN NULL ELSE nextval('prompts_numbers') END;
