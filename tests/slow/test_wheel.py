"""The wheel, installed into an empty environment and used from an empty directory: serve, console, documentation, commands."""

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

import pytest

from serving import WAIT

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 20 * WAIT


def find_pythons():
    """One of each version from 3.11 on: those on the PATH, and those of pyenv."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [sys.executable, *map(str, root.glob("versions/*/bin/python3"))]
    candidates += [found for minor in range(11, 16) if (found := shutil.which(f"python3.{minor}"))]
    pythons = {}
    for candidate in candidates:
        asked = subprocess.run(
            [candidate, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, check=False
        )
        if asked.returncode == 0 and (version := tuple(map(int, asked.stdout.split()))) >= (3, 11):
            pythons.setdefault(version, candidate)
    return pythons


pytestmark = pytest.mark.slow


def pytest_generate_tests(metafunc):
    """One test a Python; where slow tests do not run, no interpreter is started to learn its version."""
    if "python" in metafunc.fixturenames:
        pythons = find_pythons() if metafunc.config.getoption("--slow") else {sys.version_info[:2]: sys.executable}
        metafunc.parametrize("python", pythons.values(), ids=[f"{major}.{minor}" for major, minor in pythons])


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """Of the server, and of the toolkit that it depends on."""
    into = tmp_path_factory.mktemp("dist")
    run(ROOT / "scripts" / "build", into)
    server, toolkit = sorted(into.glob("*.whl"))
    return server, toolkit


@pytest.fixture
def wheel(wheels):
    return wheels[0]


def test_the_wheel_has_the_site_and_the_console_and_nothing_that_only_checks_them(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "site/pages/index.html",
        "site/pages/reference/api/runs/index.html",
        "console/app/main.js",
        "py.typed",
    ):
        assert f"understudy/{wanted}" in names
    assert [name for name in names if re.search(r"\.d\.ts$|tsconfig|eslint|^tests/", name)] == []


def test_the_wheel_serves_in_an_empty_directory(wheels, tmp_path, python):
    wheel, toolkit = wheels
    place = tmp_path / "venv"
    run(python, "-m", "venv", place)
    environ = {**os.environ, "VENV": str(ROOT / ".venv")}
    install = [
        "pip",
        "install",
        "--quiet",
        "--python",
        place / "bin" / "python",
        "-c",
        ROOT / "requirements" / "serve.txt",
    ]
    run(ROOT / "scripts" / "uv", *install, wheel, toolkit, env=environ)
    work = tmp_path / "work"
    work.mkdir()
    program = place / "bin" / "understudy"
    bare = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    version = json.loads(run(program, "version", "--json", cwd=work, env=bare))["understudy"]
    assert version in wheel.name
    serving = subprocess.Popen([program, "serve", "--port", "0"], cwd=work, env=bare, stdout=subprocess.PIPE, text=True)
    try:
        base = next(found[1] for line in serving.stdout if (found := re.search(r"Base URL +(http://\S+)/v1", line)))
        for path in ("/health/ready", "/console/", "/docs/", "/docs/reference/api/runs/"):
            with urllib.request.urlopen(base + path, timeout=WAIT) as reply:
                assert reply.status == 200, path
        environ = {**bare, "UNDERSTUDY_BASE_URL": f"{base}/v1"}
        environ["UNDERSTUDY_API_KEY"] = (work / "understudy-data" / "first-api-key").read_text().strip()
        assert "42" in run(program, "ask", "What is 6 * 7?", "--model", "rehearsal", cwd=work, env=environ)
        assert "rehearsal" in run(program, "ls", "models", cwd=work, env=environ)
    finally:
        serving.terminate()
        assert serving.wait(WAIT) == 0
        serving.stdout.close()


def test_the_toolkit_is_installed_without_the_server(wheels, tmp_path):
    place = tmp_path / "venv"
    run(sys.executable, "-m", "venv", place)
    environ = {**os.environ, "VENV": str(ROOT / ".venv")}
    python = place / "bin" / "python"
    locked = ROOT / "requirements" / "serve.txt"
    run(ROOT / "scripts" / "uv", "pip", "install", "--quiet", "--python", python, "-c", locked, wheels[1], env=environ)
    program = (
        "import importlib.util, understudy_toolkit as package\n"
        "print(importlib.util.find_spec('understudy'), len(package.Toolkit().list()), package.__version__)"
    )
    assert run(python, "-c", program, cwd=tmp_path).split() == ["None", "30", "0.2.0"]
