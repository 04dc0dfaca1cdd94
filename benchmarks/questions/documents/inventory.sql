-- Stock by warehouse. A negative quantity is a correction after counting.
CREATE TABLE stock_movements (
    id BIGINT PRIMARY KEY,
    warehouse TEXT NOT NULL,
    article TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    moved_at TIMESTAMP NOT NULL
);

-- Articles that will run out within two weeks at the pace of the last thirty days.
CREATE VIEW running_out AS
SELECT article, sum(quantity) AS left_over
FROM stock_movements
GROUP BY article
HAVING sum(quantity) < 14 * (-sum(CASE WHEN quantity < 0 AND moved_at > now() - interval '30 days' THEN quantity END) / 30.0);

-- Counting happens on the last Saturday of the quarter; the warehouse is closed meanwhile.
