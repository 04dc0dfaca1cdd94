"""Runs drivers: programs of their own environments, in front of servers whose models follow `scenario`."""

import json
import secrets
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from clients.scenario import scenario
from serving import Server
from upstream import Answer, Request, Upstream

PATIENCE = 120
"""Seconds for all checks of a driver."""

Drive = Callable[..., list[str]]


@pytest.fixture
def drive(sqlite_server: Server, postgres_server: Server, upstream: Upstream) -> Drive:
    """Runs a driver against a server on each database; returns the names of its checks, all of which passed on both."""
    databases = {sqlite_server.url: "SQLite", postgres_server.url: "PostgreSQL"}
    arguments = [part for server in (sqlite_server, postgres_server) for part in (server.url, _new_project_key(server))]

    def run(*command: str | Path, model: Callable[[Request], Answer] = scenario) -> list[str]:
        upstream.always(model)
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=PATIENCE, check=False)
        checks = {databases[url]: reports for url, reports in _by_server(done.stdout.splitlines())}
        failed = [
            f"{report['check']} on {database}: {report['error']}"
            for database, reports in checks.items()
            for report in reports
            if report["error"]
        ]
        assert not failed, "\n".join(failed)
        assert done.returncode == 0, done.stdout + done.stderr
        names = [[report["check"] for report in reports] for reports in checks.values()]
        assert len(names) == len(databases)
        assert names[0] == names[1]
        return names[0]

    return run


def _new_project_key(server: Server) -> str:
    """A key of an empty project, since drivers list what they have created."""
    name = f"driver-{secrets.token_hex(4)}"
    server.run("projects", "create", name)
    return server.run("keys", "create", "--project", name).strip()


def _by_server(lines: Iterable[str]) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """The reports of the checks below the URL of the server that they were made against."""
    reports: list[dict[str, str]] = []
    for line in lines:
        if not line.startswith("{"):
            continue
        report = json.loads(line)
        if "server" in report:
            reports = []
            yield report["server"], reports
        else:
            reports.append(report)
