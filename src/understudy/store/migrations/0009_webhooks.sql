-- Endpoints whose `project_id` is empty are the operator's, and hear of every project. Of a rotated secret the old one
-- signs as well until its time is over.
CREATE TABLE webhook_endpoints (
    seq {sequence},
    id TEXT NOT NULL UNIQUE,
    project_id TEXT NOT NULL,
    secret TEXT NOT NULL,
    old_secret TEXT,
    old_secret_until BIGINT NOT NULL,
    body TEXT
);
CREATE INDEX webhook_endpoints_page ON webhook_endpoints (project_id, seq) WHERE body IS NOT NULL;

-- The outbox: a row is written by the transaction of what it tells. `due_at` is the next attempt, or the end of the
-- claim of whoever makes one now, and once all is over the time of that; `since` is when trying began.
CREATE TABLE webhook_deliveries (
    seq {sequence},
    id TEXT NOT NULL UNIQUE,
    project_id TEXT NOT NULL,
    endpoint_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    status TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    since DOUBLE PRECISION NOT NULL,
    due_at DOUBLE PRECISION NOT NULL,
    created_at BIGINT NOT NULL,
    event TEXT NOT NULL,
    last TEXT
);
CREATE INDEX webhook_deliveries_page ON webhook_deliveries (project_id, seq);
CREATE INDEX webhook_deliveries_endpoint ON webhook_deliveries (endpoint_id, seq);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, due_at) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_over ON webhook_deliveries (due_at) WHERE status <> 'pending';
