-- As for the other lists of a project: see migration 34.
ALTER TABLE responses ALTER COLUMN seq DROP IDENTITY;
CREATE SEQUENCE responses_numbers OWNED BY responses.seq;
SELECT setval('responses_numbers', (SELECT COALESCE(max(seq), 0) + 1 FROM responses), FALSE);
ALTER TABLE responses ALTER COLUMN seq SET DEFAULT
    CASE WHEN pg_advisory_xact_lock_shared(1970169956, 1) IS NULL THEN NULL ELSE nextval('responses_numbers') END;
