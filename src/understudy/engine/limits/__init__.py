"""Limits of projects and keys: requests and tokens in a time, and what a project may use. Knows no HTTP and no SQL.

`policy` are the limits that apply to a key, `policies` loads and caches them, `cells` count, `limiter` admits requests.
"""
