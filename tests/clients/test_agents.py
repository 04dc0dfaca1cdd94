"""The vendor's package for agents, in both of its modes: the Responses API and chat completions."""

import pytest

from clients.environments import HERE, environment


@pytest.mark.proves("responses.agents")
def test_agents_work(drive):
    assert len(drive(environment("agents").python, HERE / "agents_driver.py")) >= 10
