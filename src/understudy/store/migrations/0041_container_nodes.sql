-- The node that has the session of a container, with its variables and files.
ALTER TABLE containers ADD COLUMN node_id TEXT;
-- A run that needs the session of another node may be claimed by that node's worker only, until a time or its death.
ALTER TABLE runs ADD COLUMN reserved_for TEXT;
ALTER TABLE runs ADD COLUMN reserved_until DOUBLE PRECISION;
-- The gateway's kernel of a session: the next node connects to it.
ALTER TABLE containers ADD COLUMN kernel TEXT;
