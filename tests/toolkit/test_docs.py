"""The examples of docs/toolkit.md do what they say."""

import re
import shlex
from pathlib import Path

from click.testing import CliRunner

from serving import KEY
from understudy.cli import commands

PAGE = (Path(__file__).parents[2] / "docs" / "toolkit.md").read_text("utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_python_examples_run(server, client, monkeypatch, capsys):
    monkeypatch.setenv("UNDERSTUDY_BASE_URL", server.url)
    monkeypatch.setenv("UNDERSTUDY_API_KEY", KEY)
    toolkit, model, _ = blocks("python")
    names = {"client": client}
    exec(toolkit.replace("http://127.0.0.1:8642/v1", server.url).replace("sk-understudy-…", KEY), names)
    assert capsys.readouterr().out.startswith("thread_")
    exec(model, names)
    assert len(names["messages"]) >= 2
    names["toolkit"].close()


def test_the_commands_run(server, monkeypatch):
    monkeypatch.setenv("UNDERSTUDY_BASE_URL", server.url)
    monkeypatch.setenv("UNDERSTUDY_API_KEY", KEY)
    (block,) = blocks("sh")
    *lines, last = block.splitlines()
    for line in lines:
        done = CliRunner().invoke(commands, shlex.split(line)[1:])
        assert done.exit_code == 0, done.output
    # There is no thread of that name.
    assert "'thread_…' does not match" in CliRunner().invoke(commands, shlex.split(last)[1:]).stderr
