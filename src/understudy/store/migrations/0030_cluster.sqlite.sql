CREATE VIEW database_clock AS SELECT unixepoch('subsec') AS now;
