"""Machines that cannot create a sandbox: the messages, and that no code runs."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from sandbox.machine import interpreter
from understudy.cli import background_setup
from understudy.cli.background_setup import set_up_embedder, set_up_interpreter
from understudy.cli.interpreter_state import describe_interpreter, is_environment_missing
from understudy.clock import SystemClock
from understudy.errors import SandboxError
from understudy.settings import SandboxSettings
from understudy.tools.sandbox import environment, open_sandbox
from understudy.tools.sandbox.preflight import examined
from understudy.tools.sandbox.preparation import prepare
from understudy.tools.sandbox.report import facts


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


@pytest.fixture
def checkout(monkeypatch):
    """A checkout with nothing in it, in place of ours, where everybody can read it."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o755)
        (root / "scripts").mkdir()
        (root / "scripts" / "setup").touch()
        monkeypatch.setattr(environment, "_CHECKOUT_ROOT", root)
        yield root


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
    assert "the Python of the code interpreter is missing; run `understudy sandbox install`" in found
    assert "/nowhere" not in found


def test_an_interpreter_without_a_kernel_is_named(pretend):
    pretend("bwrap", "exit 0")
    assert "has no ipykernel; install it there, or run `understudy sandbox install`" in problem(
        python=Path(sys.executable)
    )


def test_an_interpreter_that_does_not_work_is_named(pretend):
    pretend("bwrap", "exit 0")
    found = problem(python=pretend("python", "exit 3"))
    assert "the Python of the code interpreter does not work: it ended with exit code 3" in found


def test_an_environment_in_preparation_is_reported_with_its_progress(pretend, checkout):
    pretend("bwrap", "exit 0")
    assert "the Python of the code interpreter is missing; run `understudy sandbox install`" in problem()
    with prepare(checkout / ".venv-interpreter") as preparation:
        preparation.step(2, "fetching packages")
        assert problem() == (
            "Code cannot run here: the code interpreter is being prepared (step 2 of 3: fetching packages); "
            "try again in a few minutes."
        )
        with (
            pytest.raises(SandboxError, match="is being created by another process"),
            prepare(checkout / ".venv-interpreter"),
        ):
            pass
    assert "is missing" in problem()


def test_a_refusal_names_no_path_of_the_host(pretend):
    pretend("bwrap", '[ "$1" = --help ] && exit 0; echo "bwrap: Can\'t find source path /home/ada/x: No access" >&2')
    found = problem(python=interpreter())
    assert "the sandbox cannot start: bwrap: Can't find source path [path]: No access" in found
    assert str(interpreter()) not in found


async def test_doctor_names_the_expected_path_of_the_interpreter(pretend):
    pretend("bwrap", "exit 0")
    with pytest.raises(SandboxError, match="Expected the code interpreter's Python at '/nowhere/bin/python'"):
        await facts(SandboxSettings(python=Path("/nowhere/bin/python")), SystemClock())


def test_the_environment_of_a_checkout_is_in_it_for_every_command(checkout, monkeypatch, tmp_path):
    assert environment.default_home() == checkout / ".venv-interpreter"
    (checkout / "scripts" / "setup").unlink()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    assert environment.default_home() in {
        tmp_path / "home" / "understudy" / "interpreter",
        Path("/var/lib/understudy/interpreter"),
    }


def test_a_start_prints_the_missing_parts_of_the_code_interpreter_and_the_command(pretend, checkout, monkeypatch):
    settings = SandboxSettings()
    pretend("bwrap", "exit 0")
    home = checkout / ".venv-interpreter"
    assert re.fullmatch(
        "off: its Python packages are missing. Run: .*understudy sandbox install", describe_interpreter(settings)
    )
    assert describe_interpreter(settings, prepares=True).startswith("being prepared (about 650 MB, once)")
    with prepare(home) as preparation:
        preparation.step(3, "listing the fonts")
        assert describe_interpreter(settings).startswith("being prepared (step 3 of 3: listing the fonts)")
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "python").symlink_to(sys.executable)
    assert describe_interpreter(settings).startswith("off: its Python packages are missing")  # it was interrupted
    (home / "understudy-ready").write_text("of another version")
    assert describe_interpreter(settings) == f"on, with {home / 'bin' / 'python'}"
    assert not is_environment_missing(SandboxSettings(python=Path(sys.executable)))
    monkeypatch.setenv("PATH", str(checkout))
    program = checkout / "dnf"
    program.write_text("#!/bin/sh")
    program.chmod(0o755)
    assert describe_interpreter(settings).endswith("bubblewrap is missing. Run: dnf install bubblewrap")


async def test_the_environment_is_prepared_beside_the_server_and_the_log_reports_its_end(caplog):
    interpreter()
    caplog.set_level("INFO")
    await set_up_interpreter()
    assert [record.message for record in caplog.records if "code interpreter" in record.message] == [
        "the code interpreter is being prepared",
        "the code interpreter is ready",
    ]


async def test_an_environment_that_cannot_be_made_is_a_warning_with_the_reason(caplog, monkeypatch):
    monkeypatch.setattr(background_setup, "_COMMAND", (*background_setup._COMMAND, "--into", "/proc/nowhere"))
    await set_up_interpreter()
    assert "the code interpreter could not be prepared: " in caplog.text


@pytest.mark.parametrize(
    ("ending", "logged"),
    [
        ("exit 0", "the embedder is ready"),
        ("echo no network; exit 1", "the embedder could not be prepared: no network"),
    ],
)
async def test_the_embedder_is_prepared_beside_the_server(caplog, tmp_path, ending, logged):
    caplog.set_level("INFO")
    script = tmp_path / "setup-embedder"
    script.write_text(f'#!/bin/sh\n[ "$1" = "{sys.prefix}" ] || exit 2\n{ending}\n')
    script.chmod(0o755)
    await set_up_embedder(script)
    assert [record.message for record in caplog.records if "embedder" in record.message] == [
        "the embedder is being prepared",
        logged,
    ]


@pytest.mark.parametrize(
    ("arguments", "passed"),
    [
        (
            [],
            "-m understudy serve --prepare-interpreter --prepare-embedder ROOT/scripts/setup-embedder --prepare-docs ROOT/scripts/docs",
        ),
        (["--no-setup"], "-m understudy serve"),
        (["--port", "1 2", "--no-setup", "--data", "x"], "-m understudy serve --port 1 2 --data x"),
    ],
)
def test_only_the_serve_script_of_a_checkout_passes_the_flag_for_the_environment(checkout, arguments, passed):
    python = checkout / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$*"')
    python.chmod(0o755)
    setup = checkout / "scripts" / "setup"
    setup.write_text(f"#!/bin/sh\necho {checkout / 'venv'}")
    setup.chmod(0o755)
    serve = shutil.copy(Path(__file__).parents[2] / "scripts" / "serve", checkout / "scripts" / "serve")
    started = subprocess.run([serve, *arguments], capture_output=True, text=True, check=True)
    assert started.stdout == passed.replace("ROOT", str(checkout)) + "\n"


@pytest.mark.parametrize(
    "said",
    [
        "bwrap: No permissions to create new namespace",
        "bwrap: Can't mount proc on /newroot/proc: Operation not permitted",
    ],
)
def test_forbidden_user_namespaces_and_a_missing_bubblewrap_are_distinct_problems(pretend, said):
    pretend("bwrap", f'[ "$1" = --help ] && exit 0; echo "{said}" >&2; exit 1')
    found = problem(python=interpreter())
    assert f"the sandbox cannot start: {said}" in found
    assert "allow user namespaces" in found or "user namespaces and a /proc of one's own must be allowed" in found


async def test_nothing_runs_bare(pretend):
    """Not even if bubblewrap itself would run the code without a sandbox."""
    pretend("bwrap", 'echo "bwrap: no" >&2; exit 1')
    sandbox = open_sandbox(SandboxSettings(python=interpreter(), warm=1), SystemClock())
    await sandbox.start()
    try:
        assert "the sandbox cannot start" in await sandbox.check()
        with pytest.raises(SandboxError, match="the sandbox cannot start"):
            await sandbox.open("a")
        assert sandbox.find("a") is None
    finally:
        await sandbox.stop()


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
    await sandbox.stop()
