"""The official Node package, whose stream reader is the strictest of all: the last of the old and the newest generation."""

import json

import pytest

from clients.environments import HERE, environment

VERSIONS = {"openai-4": "4.104.0", "openai-7": "7."}


@pytest.mark.parametrize("package", VERSIONS)
def test_programs_written_with_the_node_package_work(drive, package):
    place = environment("node")
    folder = place.home / "node_modules" / package
    assert json.loads((folder / "package.json").read_text())["version"].startswith(VERSIONS[package])
    assert len(drive(place.node, HERE / "node_driver.mjs", folder)) > 15
