-- Where a chunk stands: its page, the headings above it (a line each), and the header of the table that it starts in.
-- All of them are unknown for chunks that were indexed before.
ALTER TABLE chunks ADD COLUMN page BIGINT;
ALTER TABLE chunks ADD COLUMN headings TEXT;
ALTER TABLE chunks ADD COLUMN header TEXT;
