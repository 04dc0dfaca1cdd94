"""The package that tools are listed and executed with elsewhere, with nothing changed but its base URL and key."""

import pytest

from clients.environments import HERE, environment


@pytest.mark.proves("toolkit.composio")
def test_programs_written_with_the_composio_package_work(drive):
    assert len(drive(environment("composio").python, HERE / "composio_driver.py")) >= 9
