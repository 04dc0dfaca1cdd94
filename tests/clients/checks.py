"""What the drivers share: a list of checks, each run by itself and reported as a line of JSON. Standard library only.

A driver is started as `DRIVER URL KEY`, with the server's address that ends in /v1.
"""

import json
import sys
import time
import traceback

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def run_all(*arguments):
    """Calls every check with the arguments; exits 1 if one failed, after all of them."""
    failed = False
    for function in CHECKS:
        error, started = None, time.monotonic()
        try:
            function(*arguments)
        except Exception:  # noqa: BLE001 - whatever a client raises is what the report is about
            error, failed = traceback.format_exc(), True
        took = round(time.monotonic() - started, 3)
        sys.stdout.write(json.dumps({"check": function.__name__, "error": error, "seconds": took}) + "\n")
    sys.exit(failed)


def equal(got, wanted):
    assert got == wanted, f"got {got!r}, wanted {wanted!r}"
