"""Azure's agents client, which speaks the same API below a project's endpoint."""

from clients.environments import HERE, environment


def test_programs_written_with_azures_agents_client_work(drive):
    assert len(drive(environment("azure").python, HERE / "azure_driver.py")) >= 10
