"""The official Python package, oldest to newest of the versions that programs pin, each in an environment of its own."""

import subprocess

import pytest

from clients.environments import HERE, environment

VERSIONS = {"openai-1": "1.109.1", "openai-2": "2.54.0", "openai-3": "3."}


@pytest.mark.parametrize("name", VERSIONS)
def test_programs_written_with_the_python_package_work(drive, name):
    python = environment(name).python
    asked = [python, "-c", "import openai; print(openai.__version__)"]
    version = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=30).stdout
    assert version.startswith(VERSIONS[name])
    assert len(drive(python, HERE / "python_driver.py")) > 20


@pytest.mark.proves("responses.clients")
@pytest.mark.parametrize("name", VERSIONS)
def test_programs_written_for_responses_with_the_python_package_work(drive, name):
    assert len(drive(environment(name).python, HERE / "responses_driver.py")) > 12
