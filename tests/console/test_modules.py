"""The modules of the console that need no browser, tested in Node."""

import subprocess
from pathlib import Path

from clients.environments import environment
from serving import WAIT

UNIT = Path(__file__).parent / "unit"


def test_pure_modules_in_node():
    command = [environment("console").node, "--test", "--test-reporter=spec", *sorted(UNIT.glob("*.test.mjs"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=2 * WAIT, check=False)
    assert done.returncode == 0, done.stdout[-6000:]
