"""Agent frameworks, each as its users call it, and the Codex command line."""

import os
import subprocess

import pytest

from clients.conftest import drive
from clients.environments import HERE, environment
from serving import KEY
from upstream import call, calls, text

__all__ = ["drive"]

pytestmark = pytest.mark.slow

PATIENCE = 120


def test_the_frameworks_for_python_work(drive):
    assert len(drive(environment("frameworks").python, HERE / "frameworks_driver.py")) == 9


def test_the_frameworks_for_node_work(drive):
    place = environment("node-frameworks")
    assert len(drive(place.node, HERE / "frameworks_driver.mjs", place.home / "node_modules")) == 5


@pytest.fixture
def codex(server, tmp_path):
    """Runs the Codex command line on a prompt, in a directory of its own; returns what it printed at last."""
    place = environment("node-frameworks")
    work, home = tmp_path / "work", tmp_path / "home"
    work.mkdir()
    home.mkdir()
    (home / "config.toml").write_text(
        'model = "gpt-4o"\nmodel_provider = "here"\nweb_search = "disabled"\n'
        f'[model_providers.here]\nname = "here"\nbase_url = "{server.url}"\nenv_key = "UNDERSTUDY_KEY"\n'
        'wire_api = "responses"\nrequest_max_retries = 0\nstream_max_retries = 0\nsupports_websockets = false\n'
    )
    last = tmp_path / "last.txt"

    def run(prompt):
        program = place.home / "node_modules" / "@openai" / "codex" / "bin" / "codex.js"
        command = [place.node, program, "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"]
        environ = {**os.environ, "CODEX_HOME": str(home), "UNDERSTUDY_KEY": KEY, "HOME": str(home)}
        ended = subprocess.run(
            [*command, "--output-last-message", last, prompt],
            cwd=work,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return last.read_text()

    run.work = work
    return run


def test_codex_answers(codex, upstream):
    upstream.answer(text("Hello", " there."))
    assert codex("Say hello.") == "Hello there."
    assert upstream.requests[-1].body["tools"]


def test_codex_runs_a_command_and_reports_it(codex, upstream):
    upstream.answer(text("placeholder"))
    assert codex("Which tools?") == "placeholder"
    names = [tool["function"]["name"] for tool in upstream.requests[-1].body["tools"]]
    name = next(one for one in names if one in {"shell", "shell_command", "exec_command", "local_shell"})
    script = "printf made > made.txt"
    arguments = {"cmd": script} if name == "exec_command" else {"command": script}
    if name in {"shell", "local_shell"}:
        arguments = {"command": ["sh", "-c", script]}
    upstream.answer(calls(call(name, **arguments)), text("Done."))
    assert codex("Make the file.") == "Done."
    assert (codex.work / "made.txt").read_text() == "made"
