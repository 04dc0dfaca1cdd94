"""What the sandbox's tests need of the machine: the interpreter's environment, and a system that can make sandboxes."""

import fcntl
import os
import subprocess
from functools import cache
from pathlib import Path

import pytest

from understudy.settings import SandboxSettings
from understudy.tools.sandbox.preflight import examined

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".venv-interpreter"
PATIENCE = 1800
"""Seconds for what has to be downloaded first."""


@cache
def interpreter():
    """The Python of the environment, made when first wanted. Skips where it cannot be had; in CI that is an error."""
    with HOME.with_suffix(".lock").open("w") as lock:  # tests run in several processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = ["sh", ROOT / "scripts" / "setup", "interpreter"]
        made = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    if made.returncode != 0:
        refuse(f"the interpreter's environment cannot be made: {made.stderr[-2000:]}")
    return HOME / "bin" / "python"


@cache
def require_sandbox():
    """Skips where the sandbox cannot start; in CI that is an error."""
    found = examined(SandboxSettings(python=interpreter()))
    if found.plan is None:
        refuse(found.problem)


def refuse(sentence):
    if os.environ.get("CI") == "true":
        raise AssertionError(sentence)
    pytest.skip(sentence)
