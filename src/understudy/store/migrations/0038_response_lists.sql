CREATE INDEX responses_page ON responses (project_id, seq) WHERE kept = 1 AND body IS NOT NULL;
