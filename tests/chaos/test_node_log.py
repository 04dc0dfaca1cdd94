"""Which entries of a node's log are a fault of a chaos run."""

from chaos.node_log import find_troubles

LOG = """Understudy 0.1.0 is ready in 1.0 s

2026-01-01 00:00:00 INFO understudy.server: stopping
2026-01-01 00:00:01 ERROR understudy.store.postgres: database unavailable: connection refused
2026-01-01 00:00:02 ERROR understudy.looper: periodic work failed, retrying
Traceback (most recent call last):
  File "a.py", line 1, in f
KeyError: 'call_1'
2026-01-01 00:00:03 ERROR uvicorn.error: Exception in ASGI application
Traceback (most recent call last):
asyncio.exceptions.CancelledError: Task cancelled, timeout graceful shutdown exceeded
2026-01-01 00:00:04 WARNING understudy.broker: Redis at 127.0.0.1:1: unavailable, reconnecting: closed
Exception ignored in: <coroutine object f>
"""


def test_errors_are_found_with_their_cause_and_expected_ones_are_not():
    looper, ignored = find_troubles(LOG)
    assert looper == "2026-01-01 00:00:02 ERROR understudy.looper: periodic work failed, retrying … KeyError: 'call_1'"
    assert ignored.endswith("Exception ignored in: <coroutine object f>")
