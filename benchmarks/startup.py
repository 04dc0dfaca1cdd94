"""How long a start takes until the first answered health check, what memory it needs then, and what is installed."""

import socket
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import process, report, server, size
from benchmarks.checkout import Checkout
from benchmarks.process import WAIT
from benchmarks.report import Report
from benchmarks.stage import Stage

STARTS = 7
_READY, _RSS, _INSTALLED = 1.5, 100, 130
_HEALTH = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
_POLL = 0.002


async def measure(stage: Stage) -> Report:
    upstream = stage.upstream()
    starts: dict[str, list[tuple[float, int]]] = {"fresh data directory": [], "existing data directory": []}
    start(stage, stage.directory / "warm", upstream.url)
    for number in range(STARTS):
        directory = stage.directory / f"start-{number}"
        for taken in starts.values():
            taken.append(start(stage, directory, upstream.url))
    done = Report("startup", ["case", "median", "min", "max"])
    for name, found in starts.items():
        _add(done, name, found)
    installed = size.installed() / 1e6
    done.add("installed size, MB", f"{installed:.0f}", "", "", goals=[report.at_most(_INSTALLED, installed, " MB")])
    done.raw = {"starts": starts, "installed_mb": installed}
    done.notes.append(f"{STARTS} starts each, from the process's beginning to an answer of GET /health/live.")
    return done


def start(stage: Stage, directory: Path, upstream: str, checkout: Checkout | None = None) -> tuple[float, int]:
    """Seconds until the server is live, and its resident bytes then."""
    port = process.free_port()
    with server.launch(stage, directory, upstream, port, checkout) as child:
        while not _lives(port):
            child.check()
            if time.perf_counter() - child.started > WAIT:
                raise SystemExit(f"The server was not ready within {WAIT:g} s:\n{child.printed}")
            time.sleep(_POLL)
        seconds = time.perf_counter() - child.started
        time.sleep(0.2)
        return seconds, child.rss()


def _lives(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(WAIT)
        if client.connect_ex(("127.0.0.1", port)) != 0:
            return False
        client.sendall(_HEALTH)
        return client.recv(16).startswith(b"HTTP/1.1 200")


def _add(done: Report, name: str, found: Sequence[tuple[float, int]]) -> None:
    seconds = [one[0] for one in found]
    memory = [one[1] / 1e6 for one in found]
    ready, resident = statistics.median(seconds), statistics.median(memory)
    done.add(
        f"ready, {name}, s",
        f"{ready:.2f}",
        f"{min(seconds):.2f}",
        f"{max(seconds):.2f}",
        goals=[report.at_most(_READY, ready, " s")],
    )
    done.add(
        f"memory then, {name}, MB",
        f"{resident:.0f}",
        f"{min(memory):.0f}",
        f"{max(memory):.0f}",
        goals=[report.at_most(_RSS, resident, " MB")],
    )
