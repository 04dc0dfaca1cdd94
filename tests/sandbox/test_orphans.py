"""A server that is killed takes all of its processes along, whenever that is."""

import os
import random
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from sandbox.machine import interpreter, require_sandbox
from waiting import eventually

HERE = Path(__file__).resolve().parent
MIB = 1 << 20
PATIENCE = 60.0


@pytest.fixture(scope="module", autouse=True)
def able():
    require_sandbox()


@contextmanager
def short_life(disk_mb, **environment):
    """The server, which is killed at the end with all of its process group; then all of its sandbox has to go."""
    command = [sys.executable, HERE / "short_life.py", interpreter(), str(disk_mb)]
    variables = {**os.environ, **environment}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=variables, start_new_session=True) as server:
        try:
            yield server
        finally:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
    eventually(lambda: not inside(disk_mb), within=PATIENCE)


def inside(disk_mb):
    """The processes of the sandbox: the size of its disk is on the command line of each, by which they are known."""
    mark = str(disk_mb * MIB)
    found = psutil.process_iter(["cmdline"])
    return [process for process in found if any(mark in word for word in process.info["cmdline"] or [])]


@pytest.mark.slow
@pytest.mark.parametrize("seen", [1, 2, 3, 4])
def test_a_sandbox_that_starts_dies_with_its_server(seen):
    """Killed as soon as there are so many processes: bubblewrap alone, with the inner one, with what runs in it."""
    with short_life(100 + seen) as server:
        assert server.stdout.readline() == "checked\n"
        eventually(lambda: len(inside(100 + seen)) >= seen, within=PATIENCE)


def test_a_sandbox_dies_with_a_server_that_died_before_bubblewrap_began(tmp_path):
    """It is tied to a parent that is gone by then, and would wait for it forever."""
    tmp_path.chmod(0o755)
    pid, real = tmp_path / "pid", shutil.which("bwrap")
    program = tmp_path / "bwrap"
    program.write_text(f'#!/bin/sh\n[ -s {pid} ] && kill -9 $(cat {pid})\nexec {real} "$@"\n')
    program.chmod(0o755)
    with short_life(110, PATH=f"{tmp_path}:{os.environ['PATH']}") as server:
        pid.write_text(str(server.pid))
        pid.chmod(0o644)
        assert server.wait(PATIENCE) == -signal.SIGKILL


def test_a_sandbox_that_runs_code_dies_with_its_server():
    with short_life(120) as server:
        assert "runs" in next(line for line in server.stdout if "runs" in line or "Ended" in line)
        assert inside(120)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(150))
def test_a_sandbox_dies_with_its_server_at_any_moment(number):
    moment = random.Random(number).uniform(0, 0.8)
    with short_life(200 + number) as server:
        assert server.stdout.readline() == "checked\n"
        with pytest.raises(subprocess.TimeoutExpired):
            server.wait(moment)
