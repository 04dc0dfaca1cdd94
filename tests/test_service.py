"""The systemd unit of deploy/: its command serves with the unit's own environment, and reports that it is ready."""

import configparser
import os
import queue
import re
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
WAIT = 30


@pytest.fixture
def unit(tmp_path):
    """The unit's text, with this environment and a temporary directory in the places that it names."""
    text = (ROOT / "deploy" / "systemd" / "understudy.service").read_text()
    return text.replace("/opt/understudy/.venv/bin/python", sys.executable).replace(
        "/var/lib/understudy", str(tmp_path)
    )


def test_the_command_of_the_unit_serves(unit, tmp_path):
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str
    parser.read_string(unit)
    service = parser["Service"]
    variables = [
        pair.split("=", 1) for line in re.findall(r"^Environment=(.+)$", unit, re.MULTILINE) for pair in line.split()
    ]
    environ = {"PATH": os.environ["PATH"], **dict(variables), "UNDERSTUDY_PORT": "0"}
    command = shlex.split(service["ExecStart"])
    lines = queue.Queue()
    with subprocess.Popen(
        command,
        cwd=service["WorkingDirectory"],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        threading.Thread(target=lambda: [lines.put(line) for line in process.stdout], daemon=True).start()
        try:
            printed = ""
            while not (found := re.search(r"the first API key is in the file ([^;]+);", printed)):
                printed += lines.get(timeout=WAIT)
        finally:
            process.terminate()
        assert process.wait(WAIT) == 0
    assert Path(found[1]) == tmp_path / "data" / "first-api-key"
    assert Path(found[1]).read_text().startswith("sk-understudy-")
