"""Where the machine cannot make a sandbox: what is said, and that nothing runs all the same."""

import os
import sys
import tempfile
from pathlib import Path

import pytest

from sandbox.machine import interpreter
from understudy.clock import SystemClock
from understudy.errors import SandboxError
from understudy.settings import SandboxSettings
from understudy.tools.sandbox import open_sandbox
from understudy.tools.sandbox.readiness import examined


@pytest.fixture
def pretend(monkeypatch):
    """Puts a program of the given name before all others, where everybody can run it; returns its path."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)

        def pretend(name, script):
            program = Path(folder, name)
            program.write_text(f"#!/bin/sh\n{script}\n")
            program.chmod(0o755)
            monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
            return program

        yield pretend


def problem(**settings):
    return examined(SandboxSettings(**settings)).problem


def test_another_system_is_named():
    found = examined(SandboxSettings(), system="Darwin")
    assert found.plan is None
    assert found.problem == (
        "Code cannot run here: the sandbox needs Linux, and this is Darwin; use another machine "
        'or set `[sandbox] kind = "gateway"` to run code elsewhere.'
    )


def test_a_linux_that_is_too_old_is_named():
    assert (
        "needs Linux 5.14 or newer, and this is 5.10.0-28-amd64"
        in examined(SandboxSettings(), release="5.10.0-28-amd64").problem
    )


def test_missing_bubblewrap_is_named_with_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "bubblewrap is missing; install it (`apt install bubblewrap`" in problem()


def test_a_missing_interpreter_is_named_with_the_command_that_makes_it(pretend):
    pretend("bwrap", "exit 0")
    found = problem(python=Path("/nowhere/bin/python"))
    assert "there is no Python for it at '/nowhere/bin/python'; run `understudy sandbox install`" in found


def test_an_interpreter_without_a_kernel_is_named(pretend):
    pretend("bwrap", "exit 0")
    assert "has no ipykernel; install it there, or run `understudy sandbox install`" in problem(
        python=Path(sys.executable)
    )


def test_an_interpreter_that_does_not_work_is_named(pretend):
    pretend("bwrap", "exit 0")
    assert "python' does not work" in problem(python=pretend("python", "exit 3"))


@pytest.mark.parametrize(
    "said",
    [
        "bwrap: No permissions to create new namespace",
        "bwrap: Can't mount proc on /newroot/proc: Operation not permitted",
    ],
)
def test_a_system_that_forbids_sandboxes_is_told_apart_from_one_without_bubblewrap(pretend, said):
    pretend("bwrap", f'[ "$1" = --help ] && exit 0; echo "{said}" >&2; exit 1')
    found = problem(python=interpreter())
    assert f"no sandbox can be made: {said}" in found
    assert "allow user namespaces" in found or "user namespaces and a /proc of one's own must be allowed" in found


async def test_nothing_runs_bare(pretend):
    """Not even where bubblewrap itself would run the code without a sandbox, were it asked to."""
    pretend("bwrap", 'echo "bwrap: no" >&2; exit 1')
    sandbox = open_sandbox(SandboxSettings(python=interpreter(), warm=1), SystemClock())
    await sandbox.start()
    try:
        assert "no sandbox can be made" in await sandbox.check()
        with pytest.raises(SandboxError, match="no sandbox can be made"):
            await sandbox.open("a")
        assert sandbox.find("a") is None
    finally:
        await sandbox.close()


async def test_a_machine_that_was_set_right_is_believed_after_a_while(pretend, tmp_path, monkeypatch):
    class Clock:
        time = 0.0

        def now(self):
            return self.time

    clock = Clock()
    before = os.environ["PATH"]
    monkeypatch.setenv("PATH", str(tmp_path))
    sandbox = open_sandbox(SandboxSettings(python=interpreter()), clock)
    assert "bubblewrap is missing" in await sandbox.check()
    monkeypatch.setenv("PATH", before)
    assert "bubblewrap is missing" in await sandbox.check()
    clock.time += 10
    assert "bubblewrap is missing" not in (await sandbox.check() or "")
    await sandbox.close()
