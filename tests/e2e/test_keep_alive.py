"""Idle streams send keep-alive comments, except to clients that cannot parse them."""

import pytest

from e2e.assistants_client import new_thread
from serving import KEY
from upstream import Gate, text


@pytest.mark.slow  # a silence of fifteen seconds takes its time
@pytest.mark.parametrize(("base", "comments"), [("/v1", 1), ("/openai", 0)])
def test_an_idle_stream_sends_keep_alive_comments_if_the_dialect_allows_them(
    server, upstream, assistant, base, comments
):
    thread = new_thread(server.client, "Hello")
    gate = Gate()
    upstream.answer(text("Hel", gate, "lo"))
    body = {"assistant_id": assistant.id, "stream": True}
    with server.opened("POST", f"{base}/threads/{thread.id}/runs", body, {"api-key": KEY}, key=None) as response:
        while b"Hel" not in response.readline():
            pass
        response.readline()
        if comments:
            assert response.readline() == b": keep-alive\n"
        else:
            assert not upstream.requests[0].gone.wait(17)
        gate.open()
        rest = response.read()
    assert b'"lo"' in rest
    assert rest.count(b": keep-alive") == 0
