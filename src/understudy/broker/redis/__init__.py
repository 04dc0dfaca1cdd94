"""The broker on Redis: one server, Sentinel, or Cluster. Needs the extra `redis`."""
