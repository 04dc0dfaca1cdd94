"""What every interpreter of `.venv` runs first during scripts/coverage: it begins to measure.

Servers and children get an environment of few variables, so it is no variable that begins it. Children that read
documents are never asked to end, only killed, so they save what they have measured every second.
"""

import os
import sys
import threading
import time
from pathlib import Path

import coverage

_KILLED = "understudy.retrieval.child"


def main() -> None:
    os.environ.setdefault("COVERAGE_PROCESS_START", str(Path(__file__).parents[1] / "pyproject.toml"))
    measurement = coverage.process_startup()
    if measurement is not None and _KILLED in sys.orig_argv:
        threading.Thread(target=_save_repeatedly, args=(measurement,), daemon=True).start()


def _save_repeatedly(measurement: coverage.Coverage) -> None:
    while True:
        time.sleep(1)
        measurement.save()


main()
