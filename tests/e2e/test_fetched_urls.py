"""URLs that clients name and providers may fetch: private ones are refused where they come in, unless settings allow."""

import anthropic
import openai
import pytest

from e2e.assistants_client import new_thread
from e2e.test_anthropic import client_of
from upstream import text

INSIDE = "http://169.254.169.254/latest/meta-data/"
IMAGE = {"type": "image_url", "image_url": {"url": INSIDE}}
SAID = {"role": "user", "content": [IMAGE]}
REQUESTS = [
    ("/chat/completions", {"model": "gpt-4o", "messages": [SAID]}, "messages[0].content[0].image_url.url"),
    ("/threads", {"messages": [SAID]}, "messages[0].content[0].image_url.url"),
    ("/threads/runs", {"thread": {"messages": [SAID]}}, "thread.messages[0].content[0].image_url.url"),
    (
        "/responses",
        {"model": "gpt-4o", "input": [{"role": "user", "content": [{"type": "input_image", "image_url": INSIDE}]}]},
        "input[0].content[0].image_url",
    ),
    (
        "/conversations",
        {"items": [{"role": "user", "content": [{"type": "input_image", "image_url": INSIDE}]}]},
        "items[0].content[0].image_url",
    ),
]


@pytest.mark.proves("chat.private_urls")
@pytest.mark.parametrize(("path", "body", "param"), REQUESTS)
def test_a_private_url_is_refused_with_its_place(server, assistant, path, body, param):
    body = {**body, "assistant_id": assistant.id} if path == "/threads/runs" else body
    refused = server.ask("POST", path, body)
    assert (refused.status, refused.json["error"]["param"]) == (400, param)
    assert "limits.private_urls" in refused.json["error"]["message"]


def test_a_private_url_is_refused_in_messages_of_threads_and_of_the_messages_dialect(server, client, upstream):
    thread = new_thread(client, "Hello")
    with pytest.raises(openai.BadRequestError, match="private_urls"):
        client.beta.threads.messages.create(thread.id, **SAID)
    said = [{"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": INSIDE}}]}]
    with client_of(server) as claude, pytest.raises(anthropic.BadRequestError, match="private_urls"):
        claude.messages.create(model="gpt-4o", max_tokens=9, messages=said)
    assert upstream.requests == []


def test_the_operator_can_allow_private_urls(new_server, upstream):
    server = new_server(limits__private_urls="true").start()
    upstream.answer(text("A cat."), text("A cat."))
    done = server.client.chat.completions.create(model="gpt-4o", messages=[SAID])
    assert done.choices[0].message.content == "A cat."
    asked = [{"role": "user", "content": [{"type": "input_image", "image_url": INSIDE}]}]
    assert server.client.responses.create(model="gpt-4o", input=asked).output_text == "A cat."
    assert INSIDE in str(upstream.requests[0].body)
    assert INSIDE in str(upstream.requests[1].body)
