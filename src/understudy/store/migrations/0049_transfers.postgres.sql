-- As for the other lists of a project: see migration 34.
ALTER TABLE transfers ALTER COLUMN seq DROP IDENTITY;
CREATE SEQUENCE transfers_numbers OWNED BY transfers.seq;
ALTER TABLE transfers ALTER COLUMN seq SET DEFAULT
    CASE WHEN pg_advisory_xact_lock_shared(1970169956, 1) IS NULL THEN NULL ELSE nextval('transfers_numbers') END;
