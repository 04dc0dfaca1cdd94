"""Requests over bare HTTP, for tests of the exact form of replies."""

from collections.abc import Callable
from typing import Any

import pytest

from conformance.shapes import assert_shape
from serving import Server

Ask = Callable[..., Any]


@pytest.fixture
def ask(server: Server) -> Ask:
    return asker(server)


@pytest.fixture
def assistant(ask: Ask) -> Any:
    return ask("POST", "/assistants", {"model": "gpt-4o"})


@pytest.fixture
def caller(ask: Ask) -> Any:
    """An assistant with a function to call."""
    return ask("POST", "/assistants", {"model": "gpt-4o", "tools": [{"type": "function", "function": {"name": "f"}}]})


@pytest.fixture
def thread(ask: Ask) -> Any:
    """A thread with a user message."""
    return ask("POST", "/threads", {"messages": [{"role": "user", "content": "Hello"}]})


def asker(server: Server) -> Ask:
    """`ask(method, path, body, shape)` returns the JSON of the reply, and asserts its status and shape."""

    def ask(method: str, path: str, body: Any = None, shape: Any = None, status: int = 200, **options: Any) -> Any:
        reply = server.ask(method, f"/v1{path}", body, **options)
        assert reply.status == status, reply.body
        assert reply.headers["content-type"] == "application/json"
        if shape is not None:
            assert_shape(reply.json, shape)
        return reply.json

    return ask
