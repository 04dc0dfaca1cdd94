"""The HTTP/1.1 client for the servers of models: connections that are reused, and responses read as they arrive."""
