"""The toolkit's adapters with the frameworks that they are for."""

import os
import subprocess
from pathlib import Path

import pytest

from clients.environments import HERE, environment
from serving import KEY, WAIT

TOOLKIT = Path(__file__).resolve().parents[2] / "packages" / "understudy-toolkit" / "src"
pytestmark = pytest.mark.slow


def test_each_adapter_executes_tools(server):
    command = [environment("toolkit").python, HERE / "toolkit_driver.py", server.url, KEY]
    environ = {**os.environ, "PYTHONPATH": str(TOOLKIT)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=10 * WAIT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == ["openai_agents", "claude_agent", "langchain", "llama_index"]
