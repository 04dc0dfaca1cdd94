"""Azure's agents client, which speaks the same API below a project's endpoint."""

import pytest

from clients.environments import HERE, environment


@pytest.mark.xdist_group("azure")
def test_programs_written_with_azures_agents_client_work(drive):
    assert len(drive(environment("azure").python, HERE / "azure_driver.py")) >= 10
