"""How long a provider wants its callers to wait, in the errors of every endpoint that calls one."""

import pytest

from e2e.assistants_client import on_both
from upstream import fault

SPEECH = {"model": "gpt-4o", "input": "Hello", "voice": "alloy"}
CALLS = {
    "/v1/chat/completions": {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]},
    "/v1/completions": {"model": "gpt-4o", "prompt": "Hi"},
    "/v1/messages": {"model": "gpt-4o", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]},
    "/v1/responses": {"model": "gpt-4o", "input": "Hi"},
    "/v1/responses/compact": {"model": "gpt-4o", "input": "Hi"},
    "/v1/embeddings": {"model": "gpt-4o", "input": "Hi"},
    "/v1/images/generations": {"model": "gpt-4o", "prompt": "A cat"},
    "/v1/moderations": {"model": "gpt-4o", "input": "Hi"},
    "/v1/audio/speech": SPEECH,
    "/tts": {"model": "gpt-4o", "text": "Hello", "voice": "alloy"},
}


@on_both
@pytest.mark.parametrize("path", CALLS)
def test_the_wait_of_a_provider_is_in_the_headers(server, upstream, path):
    upstream.always(fault(429, "Slow.", headers={"retry-after-ms": "45500"}))
    answered = server.ask("POST", path, CALLS[path])
    assert answered.status == 429, answered.body
    seconds, milliseconds = int(answered.headers["retry-after"]), int(answered.headers["retry-after-ms"])
    # A stored response has the time at which its provider may be called again.
    assert 40 <= seconds <= 46
    assert seconds * 1000 - 1000 <= milliseconds <= seconds * 1000
    assert "x-should-retry" not in answered.headers


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses", "/v1/embeddings"])
@pytest.mark.parametrize("store", [True, False])
def test_a_provider_that_is_unavailable_says_for_how_long(sqlite_server, upstream, path, store):
    upstream.always(fault(503, "Down.", headers={"retry-after": "90"}))
    body = CALLS[path] | ({} if store or path != "/v1/responses" else {"store": False})
    answered = sqlite_server.ask("POST", path, body)
    assert answered.status >= 500, answered.body
    assert 85 <= int(answered.headers["retry-after"]) <= 90
    # Clients would wait that long.
    assert answered.headers["x-should-retry"] == "false"


def test_an_error_without_a_wait_has_no_header(sqlite_server, upstream):
    upstream.always(fault(429, "Slow."))
    for path in ("/v1/chat/completions", "/v1/responses"):
        assert "retry-after" not in sqlite_server.ask("POST", path, CALLS[path]).headers
