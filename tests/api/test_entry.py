"""What every request passes: an error that nobody expected leaves in the envelope, with the headers of all answers."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from understudy.api.cors import CorsPolicy
from understudy.api.middleware import RequestMiddleware


def ask(app, headers=()):
    """The head and the body of an answer to `GET /health`."""
    settings = SimpleNamespace(dialect="openai", trusted_proxies=())
    parts = SimpleNamespace(settings=settings, metrics=SimpleNamespace(note_work=lambda: None))
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": "/health",
        "raw_path": b"/health",
        "query_string": b"",
        "headers": [(b"host", b"x"), *headers],
        "app": SimpleNamespace(state=SimpleNamespace(parts=parts)),
    }
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    asyncio.run(RequestMiddleware(app, app, CorsPolicy(["*"]))(scope, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


async def failing(scope, receive, send):
    raise ZeroDivisionError("secret")


async def failing_late(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise ZeroDivisionError


def test_an_unexpected_error_is_a_500_that_a_web_page_can_read():
    status, headers, body = ask(failing, [(b"origin", b"https://app.example")])
    assert status == 500
    assert headers[b"access-control-allow-origin"] == b"*"
    assert headers[b"x-request-id"].startswith(b"req_")
    assert json.loads(body)["error"]["type"] == "server_error"
    assert b"secret" not in body


def test_an_error_after_the_response_started_is_raised_to_the_server():
    with pytest.raises(ZeroDivisionError):
        ask(failing_late)
