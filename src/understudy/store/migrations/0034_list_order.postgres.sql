-- A project's objects are numbered in the order in which their creation starts, and may be committed in another one. So
-- a transaction that draws a number first gets a lock, which it shares with all that do, until its end: a list waits for
-- those that have drawn a smaller number than the newest one.

ALTER TABLE assistants ALTER COLUMN seq DROP IDENTITY;
CREATE SEQUENCE assistants_numbers OWNED BY assistants.seq;
SELECT setval('assistants_numbers', (SELECT COALESCE(max(seq), 0) + 1 FROM assistants), FALSE);
ALTER TABLE assistants ALTER COLUMN seq SET DEFAULT
    CASE WHEN pg_advisory_xact_lock_shared(1970169956, 1) IS NULL THEN NULL ELSE nextval('assistants_numbers') END;

ALTER TABLE threads ALTER COLUMN seq DROP IDENTITY;
CREATE SEQUENCE threads_numbers OWNED BY threads.seq;
SELECT setval('threads_numbers', (SELECT COALESCE(max(seq), 0) + 1 FROM threads), FALSE);
ALTER TABLE threads ALTER COLUMN seq SET DEFAULT
    CASE WHEN pg_advisory_xact_lock_shared(1970169956, 1) IS NULL THEN NULL ELSE nextval('threads_numbers') END;

ALTER TABLE files ALTER COLUMN seq DROP IDENTITY;
CREATE SEQUENCE files_numbers OWNED BY files.seq;
SELECT setval('files_numbers', (SELECT COALESCE(max(seq), 0) + 1 FROM files), FALSE);
ALTER TABLE files ALTER COLUMN seq SET DEFAULT
    CASE WHEN pg_advisory_xact_lock_shared(1970169956, 1) IS NULL THEN NULL ELSE nextval('files_numbers') END;

ALTER TABLE vector_stores ALTER COLUMN seq DROP IDENTITY;
CREATE SEQUENCE vector_stores_numbers OWNED BY vector_stores.seq;
SELECT setval('vector_stores_numbers', (SELECT COALESCE(max(seq), 0) + 1 FROM vector_stores), FALSE);
ALTER TABLE vector_stores ALTER COLUMN seq SET DEFAULT
    CASE WHEN pg_advisory_xact_lock_shared(1970169956, 1) IS NULL THEN NULL ELSE nextval('vector_stores_numbers') END;

ALTER TABLE batches ALTER COLUMN seq DROP IDENTITY;
CREATE SEQUENCE batches_numbers OWNED BY batches.seq;
SELECT setval('batches_numbers', (SELECT COALESCE(max(seq), 0) + 1 FROM batches), FALSE);
ALTER TABLE batches ALTER COLUMN seq SET DEFAULT
    CASE WHEN pg_advisory_xact_lock_shared(1970169956, 1) IS NULL THEN NULL ELSE nextval('batches_numbers') END;

ALTER TABLE containers ALTER COLUMN seq DROP IDENTITY;
CREATE SEQUENCE containers_numbers OWNED BY containers.seq;
SELECT setval('containers_numbers', (SELECT COALESCE(max(seq), 0) + 1 FROM containers), FALSE);
ALTER TABLE containers ALTER COLUMN seq SET DEFAULT
    CASE WHEN pg_advisory_xact_lock_shared(1970169956, 1) IS NULL THEN NULL ELSE nextval('containers_numbers') END;

ALTER TABLE chat_completions ALTER COLUMN seq DROP IDENTITY;
CREATE SEQUENCE chat_completions_numbers OWNED BY chat_completions.seq;
SELECT setval('chat_completions_numbers', (SELECT COALESCE(max(seq), 0) + 1 FROM chat_completions), FALSE);
ALTER TABLE chat_completions ALTER COLUMN seq SET DEFAULT
    CASE WHEN pg_advisory_xact_lock_shared(1970169956, 1) IS NULL THEN NULL ELSE nextval('chat_completions_numbers') END;

ALTER TABLE generations ALTER COLUMN seq DROP IDENTITY;
CREATE SEQUENCE generations_numbers OWNED BY generations.seq;
SELECT setval('generations_numbers', (SELECT COALESCE(max(seq), 0) + 1 FROM generations), FALSE);
ALTER TABLE generations ALTER COLUMN seq SET DEFAULT
    CASE WHEN pg_advisory_xact_lock_shared(1970169956, 1) IS NULL THEN NULL ELSE nextval('generations_numbers') END;

ALTER TABLE webhook_endpoints ALTER COLUMN seq DROP IDENTITY;
CREATE SEQUENCE webhook_endpoints_numbers OWNED BY webhook_endpoints.seq;
SELECT setval('webhook_endpoints_numbers', (SELECT COALESCE(max(seq), 0) + 1 FROM webhook_endpoints), FALSE);
ALTER TABLE webhook_endpoints ALTER COLUMN seq SET DEFAULT
    CASE WHEN pg_advisory_xact_lock_shared(1970169956, 1) IS NULL THEN NULL ELSE nextval('webhook_endpoints_numbers') END;

ALTER TABLE webhook_deliveries ALTER COLUMN seq DROP IDENTITY;
CREATE SEQUENCE webhook_deliveries_numbers OWNED BY webhook_deliveries.seq;
SELECT setval('webhook_deliveries_numbers', (SELECT COALESCE(max(seq), 0) + 1 FROM webhook_deliveries), FALSE);
ALTER TABLE webhook_deliveries ALTER COLUMN seq SET DEFAULT
    CASE WHEN pg_advisory_xact_lock_shared(1970169956, 1) IS NULL THEN NULL ELSE nextval('webhook_deliveries_numbers') END;
