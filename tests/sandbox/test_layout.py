"""Where an interpreter is inside of a sandbox, for the ways in which interpreters are arranged on a host."""

from pathlib import Path

import pytest

from understudy.tools.sandbox.interpreter import Interpreter
from understudy.tools.sandbox.layout import build_layout, find_hidden_paths


@pytest.fixture
def base(tmp_path):
    return installation(tmp_path / "home" / "ada" / "cpython-3.12.1")


def installation(folder):
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python3.12").touch()
    (folder / "bin" / "python3").symlink_to("python3.12")
    return folder


def environment(folder, base):
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(base / "bin" / "python3")
    (folder / "pyvenv.cfg").write_text(
        f"home = {base}/bin\ninclude-system-site-packages = true\nversion = 3.12.1\ncommand = {base}/bin/python3 -m venv\n"
    )
    return folder


def found(prefix, base, *, shared=False):
    return Interpreter("3.12.1", (str(prefix), str(prefix), str(base), str(base)), {}, shared)


def test_an_environment_and_its_installation_have_names_of_their_own(tmp_path, base):
    home = environment(tmp_path / "env", base)
    layout = build_layout(home / "bin" / "python", found(home, base, shared=True))
    assert layout.python == Path("/opt/interpreter/bin/python")
    assert layout.mounts == ((base, Path("/opt/python")), (home, Path("/opt/interpreter")))
    assert dict(layout.links) == {
        Path("/opt/interpreter/bin") / name: Path("/opt/python/bin/python3.12")
        for name in ("python", "python3", "python3.12")
    }
    assert layout.config == (
        Path("/opt/interpreter/pyvenv.cfg"),
        b"home = /opt/python/bin\ninclude-system-site-packages = true\nversion = 3.12.1\n",
    )
    assert layout.libraries == Path("/opt/python/lib")


def test_an_installation_without_an_environment_is_moved_whole(base):
    layout = build_layout(base / "bin" / "python3", found(base, base))
    assert (layout.python, layout.mounts) == (Path("/opt/python/bin/python3.12"), ((base, Path("/opt/python")),))
    assert (layout.links, layout.config, layout.libraries) == ((), None, None)


def test_an_installation_of_the_system_stays_where_it_is(tmp_path):
    program = Path("/usr/bin/env").resolve()
    home = tmp_path / "env"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "python").symlink_to(program)
    (home / "pyvenv.cfg").write_text("home = /usr/bin\n")
    layout = build_layout(home / "bin" / "python", found(home, Path("/usr")))
    assert layout.mounts == ((home, Path("/opt/interpreter")),)
    assert (Path("/opt/interpreter/bin/python"), program) in layout.links


def test_an_interpreter_that_is_arranged_otherwise_is_left_as_it_is(tmp_path, base):
    home = environment(tmp_path / "env", base)
    (home / "pyvenv.cfg").unlink()
    layout = build_layout(home / "bin" / "python", found(home, base))
    assert layout.python == home / "bin" / "python"
    assert all(source == inside for source, inside in layout.mounts)
    assert set(layout.sources) == {home, base}


def test_hidden_paths_are_translated_to_their_paths_inside_the_sandbox(tmp_path, base):
    home = environment(tmp_path / "env", base)
    (home / "data").mkdir()
    (tmp_path / "elsewhere").mkdir()
    layout = build_layout(home / "bin" / "python", found(home, base))
    assert list(
        find_hidden_paths(layout, [Path("/usr")], [home / "data", tmp_path / "elsewhere", Path("/usr/bin")])
    ) == [
        Path("/opt/interpreter/data"),
        Path("/usr/bin"),
    ]
