-- What a client has set since the object was made: the engine, which writes the rest of the body, leaves it alone.
ALTER TABLE runs ADD COLUMN metadata TEXT;
ALTER TABLE items ADD COLUMN metadata TEXT;
