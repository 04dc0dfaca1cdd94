"""Short ways to the server over bare HTTP, where the form of an answer matters."""

import pytest

from conformance.shapes import assert_shape


@pytest.fixture
def ask(server):
    return asker(server)


@pytest.fixture
def assistant(ask):
    return ask("POST", "/assistants", {"model": "gpt-4o"})


@pytest.fixture
def caller(ask):
    """An assistant with a function to call."""
    return ask("POST", "/assistants", {"model": "gpt-4o", "tools": [{"type": "function", "function": {"name": "f"}}]})


@pytest.fixture
def thread(ask):
    """One with a question."""
    return ask("POST", "/threads", {"messages": [{"role": "user", "content": "Hello"}]})


def asker(server):
    """`ask(method, path, body, shape)` returns the answer's JSON, which has the status and the shape."""

    def ask(method, path, body=None, shape=None, status=200, **options):
        reply = server.ask(method, f"/v1{path}", body, **options)
        assert reply.status == status, reply.body
        assert reply.headers["content-type"] == "application/json"
        if shape is not None:
            assert_shape(reply.json, shape)
        return reply.json

    return ask
