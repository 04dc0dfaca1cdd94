"""Metrics of this process: counted from telemetry, read by Prometheus and by the health page of the console."""
