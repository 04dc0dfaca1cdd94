"""The official Node package, whose stream reader is the strictest of all: the last of the old and the newest generation."""

import json
import subprocess

import pytest

from clients.conftest import PATIENCE
from clients.endpoints import provider
from clients.environments import HERE, environment
from serving import KEY

VERSIONS = {"openai-4": "4.104.0", "openai-7": "7."}


@pytest.mark.parametrize("package", VERSIONS)
def test_programs_written_with_the_node_package_work(drive, package):
    place = environment("node")
    folder = place.home / "node_modules" / package
    assert json.loads((folder / "package.json").read_text())["version"].startswith(VERSIONS[package])
    assert len(drive(place.node, HERE / "node_driver.mjs", folder)) > 15


def test_a_page_converses_with_the_node_package(server, upstream):
    place = environment("node")
    command = [place.node, HERE / "realtime_driver.mjs", place.home / "node_modules" / "openai-7", server.url, KEY]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    *conversations, refused = map(json.loads, done.stdout.splitlines())
    for events in conversations:
        assert (events[0], events[-2:]) == ("session.created", ["response.done", 1000])
    assert len(conversations) == 2
    assert refused[-2:] == ["invalid_api_key", 3000]


def test_programs_use_the_endpoints_beside_assistants_with_the_node_package(drive):
    place = environment("node")
    command = [place.node, HERE / "node_endpoints_driver.mjs", place.home / "node_modules" / "openai-7"]
    assert len(drive(*command, model=provider)) > 9
