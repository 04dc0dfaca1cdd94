-- Items that were deleted one by one, to be found when the thread that they were in is erased.
CREATE INDEX items_gone ON items (thread_id) WHERE body IS NULL;
