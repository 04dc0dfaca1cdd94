"""Threads as downloads: lines of JSON and Markdown. On both databases."""

import json

from e2e.assistants_client import on_both, user
from envelope import assert_error


@on_both
def test_a_thread_is_exported_with_all_its_messages(server, client):
    messages = [user(f"Question {number} <b>") for number in range(130)]
    thread = client.beta.threads.create(messages=messages, metadata={"customer": "42"})
    reply = server.ask("GET", f"/v1/threads/{thread.id}/export")
    assert reply.headers["content-type"] == "application/x-jsonl"
    assert reply.headers["content-disposition"] == f'attachment; filename="{thread.id}.jsonl"'
    head, *lines = [json.loads(line) for line in reply.body.decode().splitlines()]
    assert (head["object"], head["id"], head["metadata"]) == ("thread", thread.id, {"customer": "42"})
    assert [line["content"][0]["text"]["value"] for line in lines] == [one["content"] for one in messages]
    assert lines[0] == client.beta.threads.messages.retrieve(lines[0]["id"], thread_id=thread.id).to_dict()
    markdown = server.ask("GET", f"/v1/threads/{thread.id}/export?format=md")
    assert markdown.headers["content-type"] == "text/markdown; charset=utf-8"
    text = markdown.body.decode()
    assert text.startswith(f"# {thread.id}\n\nCreated 20")
    assert "\n- customer: 42\n" in text
    assert text.count("\n## User · 20") == 130
    assert text.index("Question 5 <b>\n") < text.index("Question 129 <b>\n")
    assert server.ask("GET", "/v1/threads/thread_none/export").status == 404
    refusal = "Invalid value: 'pdf'. Supported values are: 'jsonl' and 'md'."
    assert_error(
        server.ask("GET", f"/v1/threads/{thread.id}/export?format=pdf"), 400, refusal, "format", "invalid_value"
    )
