-- Deliveries have owners, as other jobs do: a claim lasts as long as the lease of its worker.
ALTER TABLE webhook_deliveries ADD COLUMN owner TEXT;
ALTER TABLE webhook_deliveries ADD COLUMN interruptions BIGINT NOT NULL DEFAULT 0;
CREATE INDEX webhook_deliveries_claimable ON webhook_deliveries (project_id, endpoint_id, due_at, seq)
    WHERE owner IS NULL AND status = 'pending';
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (project_id, due_at)
    WHERE owner IS NULL AND status = 'pending';
CREATE INDEX webhook_deliveries_owned ON webhook_deliveries (owner) WHERE owner IS NOT NULL;
