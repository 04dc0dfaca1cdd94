CREATE VIEW database_clock AS SELECT CAST(extract(epoch FROM statement_timestamp()) AS DOUBLE PRECISION) AS now;
