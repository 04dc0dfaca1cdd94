"""What most tests of the API begin with."""

import pytest

from e2e.assistants_client import WEATHER, new_thread


@pytest.fixture
def assistant(client):
    return client.beta.assistants.create(model="gpt-4o")


@pytest.fixture
def forecaster(client):
    """An assistant with a function to call."""
    return client.beta.assistants.create(model="gpt-4o", tools=[WEATHER])


@pytest.fixture
def thread(client):
    return new_thread(client, "Hello")
