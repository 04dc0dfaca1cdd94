"""Progress of long commands, with and without a terminal and the extra `cli`."""

import io
import sys

import pytest

from understudy.cli.progress import open_progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("has_rich", [True, False])
def test_a_terminal_has_the_numbers_and_the_rate(monkeypatch, has_rich):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)  # here, since pytest sets it after the fixtures
    monkeypatch.setenv("TERM", "xterm")
    if not has_rich:
        monkeypatch.setitem(sys.modules, "rich.progress", None)

    with open_progress("import") as progress:
        progress.update(1500, 3000, "2 files")

    text = terminal.getvalue()
    assert "import" in text
    assert "1,500 of 3,000" in text
    assert "a second, 2 files" in text


def test_without_a_terminal_nothing_is_printed(capsys):
    with open_progress("import") as progress:
        progress.update(1, None)

    assert capsys.readouterr() == ("", "")
