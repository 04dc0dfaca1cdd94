-- What one answer used, once: `reference` is the answer's own name, so that the same use is never counted again.
-- `credits` is its cost, 0 and `priced` 0 where no price is known.
CREATE TABLE usage (
    seq {sequence},
    reference TEXT NOT NULL UNIQUE,
    project_id TEXT NOT NULL,
    key_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    model TEXT NOT NULL,
    batch BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    input_tokens BIGINT NOT NULL,
    cached_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    credits BIGINT NOT NULL,
    priced BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX usage_time ON usage (project_id, created_at);

-- Every change of a project's balance; what comes in is positive. A charge names the use that it pays for.
CREATE TABLE ledger (
    seq {sequence},
    id TEXT NOT NULL UNIQUE,
    project_id TEXT NOT NULL,
    type TEXT NOT NULL,
    credits BIGINT NOT NULL,
    model TEXT,
    reference TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX ledger_page ON ledger (project_id, seq);

-- The sum of a project's entries, spread over slots so that writers of many nodes do not wait for one row.
CREATE TABLE balances (
    project_id TEXT NOT NULL,
    slot BIGINT NOT NULL,
    credits BIGINT NOT NULL,
    PRIMARY KEY (project_id, slot)
);

-- What a key has spent on a day (in days since 1970, UTC), spread likewise.
CREATE TABLE spending (
    project_id TEXT NOT NULL,
    day BIGINT NOT NULL,
    key_id TEXT NOT NULL,
    slot BIGINT NOT NULL,
    credits BIGINT NOT NULL,
    PRIMARY KEY (project_id, day, key_id, slot)
);

-- Projects that may spend what they have been granted and no more; all others are not limited.
CREATE TABLE budgets (
    project_id TEXT NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL
);

-- What a key or a project (`scope` is its id) may spend in a period.
CREATE TABLE spend_limits (
    scope TEXT NOT NULL PRIMARY KEY,
    credits BIGINT NOT NULL,
    period TEXT NOT NULL
);
