-- The request that created a job, as JSON: its id and its position in a trace. NULL is unknown.
ALTER TABLE store_files ADD COLUMN origin TEXT;
ALTER TABLE webhook_deliveries ADD COLUMN origin TEXT;
