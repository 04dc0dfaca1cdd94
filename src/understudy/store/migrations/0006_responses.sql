-- A run is made for an assistant, or for a response; only the former are listed as runs.
ALTER TABLE runs ADD COLUMN kind TEXT NOT NULL DEFAULT 'run';

-- `thread_id` is the conversation, or a thread without a row of its own that a chain of responses shares. The items up
-- to `input_seq` are what the response was asked, those up to `last_seq` are what one that follows it is told; NULL
-- while it is not over. A response that is not `kept` cannot be asked for.
CREATE TABLE responses (
    seq {sequence},
    id TEXT NOT NULL UNIQUE,
    project_id TEXT NOT NULL,
    thread_id TEXT NOT NULL,
    previous_id TEXT,
    input_seq BIGINT NOT NULL,
    last_seq BIGINT,
    kept BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    body TEXT
);
CREATE INDEX responses_thread ON responses (thread_id) WHERE body IS NOT NULL;
CREATE INDEX responses_passing ON responses (created_at) WHERE kept = 0;

-- The threads, each up to an item, that a response is told before its own; by position, the oldest first.
CREATE TABLE response_contexts (
    response_id TEXT NOT NULL,
    position BIGINT NOT NULL,
    thread_id TEXT NOT NULL,
    last_seq BIGINT NOT NULL,
    PRIMARY KEY (response_id, position)
);
CREATE INDEX response_contexts_thread ON response_contexts (thread_id);
