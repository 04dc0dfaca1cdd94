"""Runs drivers: programs of their own environments, in front of a server whose models follow `scenario`."""

import json
import subprocess

import pytest

from clients.scenario import scenario
from serving import KEY

PATIENCE = 120
"""Seconds for all checks of a driver."""


@pytest.fixture
def drive(server, upstream):
    """Runs a driver with the server's address and key; returns the names of its checks, all of which held."""
    upstream.always(scenario)

    def run(*command):
        ended = subprocess.run(
            [*command, server.url, KEY], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        reports = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]
        broken = [f"{report['check']}: {report['error']}" for report in reports if report["error"]]
        assert not broken, "\n".join(broken)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return [report["check"] for report in reports]

    return run
