"""Objects that most tests of the API start from."""

import openai
import pytest
from openai.types.beta import Assistant, Thread

from e2e.assistants_client import WEATHER, new_thread


@pytest.fixture
def assistant(client: openai.OpenAI) -> Assistant:
    return client.beta.assistants.create(model="gpt-4o")


@pytest.fixture
def forecaster(client: openai.OpenAI) -> Assistant:
    """An assistant with a function to call."""
    return client.beta.assistants.create(model="gpt-4o", tools=[WEATHER])


@pytest.fixture
def thread(client: openai.OpenAI) -> Thread:
    return new_thread(client, "Hello")
