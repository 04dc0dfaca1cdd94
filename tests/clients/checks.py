"""What the drivers share: a list of checks, each run by itself and reported as a line of JSON. Standard library only.

A driver is started as `DRIVER URL KEY [URL KEY]...`, with the base URL of each server, which ends in /v1, and a key for
it. Importing a client takes longer than most of its checks, so one process drives all servers, one after another.
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
    """Calls every check with the arguments and reports each; returns whether all of them passed."""
    passed = True
    for function in CHECKS:
        error, started = None, time.monotonic()
        try:
            function(*arguments)
        except Exception:  # noqa: BLE001 - whatever a client raises is what the report is about
            error, passed = traceback.format_exc(), False
        seconds = round(time.monotonic() - started, 3)
        _report(check=function.__name__, error=error, seconds=seconds)
    return passed


def drive_servers(drive):
    """Calls `drive(url, key)` for each server of the command line; exits 1 unless it returned true for all of them."""
    arguments = sys.argv[1:]
    results = []
    for url, key in zip(arguments[::2], arguments[1::2], strict=True):
        _report(server=url)
        results.append(drive(url, key))
    sys.exit(not all(results))


def _report(**members):
    sys.stdout.write(json.dumps(members) + "\n")


def equal(got, wanted):
    assert got == wanted, f"got {got!r}, wanted {wanted!r}"
