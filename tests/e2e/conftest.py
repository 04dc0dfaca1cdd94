"""Objects that most tests of the API start from."""

from collections.abc import Iterator

import openai
import pytest
from openai.resources.admin.organization import Organization
from openai.types.beta import Assistant, Thread

from e2e.assistants_client import WEATHER, new_thread
from serving import Server


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


@pytest.fixture
def admin_key(server: Server) -> str:
    return server.create_admin_key()


@pytest.fixture
def organization(server: Server, admin_key: str) -> Iterator[Organization]:
    """What the official client calls with an admin key."""
    with openai.OpenAI(base_url=server.url, admin_api_key=admin_key, max_retries=0) as client:
        yield client.admin.organization
