"""The broker on Redis or Valkey: one server, Sentinel, or Cluster. Needs the extra `redis`."""
