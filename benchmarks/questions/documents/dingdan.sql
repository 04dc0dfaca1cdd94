-- 订单库。金额单位是分,时间是北京时间。
CREATE TABLE orders (
    id BIGINT PRIMARY KEY,
    user_id BIGINT NOT NULL,
    status SMALLINT NOT NULL DEFAULT 0,  -- 0 待付款 1 已付款 2 已发货 3 已完成 4 已取消
    amount_fen BIGINT NOT NULL CHECK (amount_fen > 0),
    created_at TIMESTAMP NOT NULL,
    paid_at TIMESTAMP
);

-- 三十分钟没有付款的订单自动取消。
CREATE PROCEDURE cancel_unpaid() LANGUAGE sql AS $$
    UPDATE orders SET status = 4 WHERE status = 0 AND created_at < now() - interval '30 minutes';
$$;

-- 复购率:最近九十天内下过两单以上的用户所占比例。
CREATE VIEW repurchase_rate AS
SELECT avg((n >= 2)::int) FROM (
    SELECT user_id, count(*) AS n FROM orders
    WHERE status IN (1, 2, 3) AND created_at > now() - interval '90 days' GROUP BY user_id
) AS t;

-- 退款只允许在签收后七天内申请,生鲜除外。
CREATE TABLE refunds (
    order_id BIGINT REFERENCES orders,
    reason TEXT NOT NULL,
    requested_at TIMESTAMP NOT NULL,
    fresh_food BOOLEAN NOT NULL DEFAULT false
);
CREATE INDEX refunds_by_day ON refunds (requested_at);
