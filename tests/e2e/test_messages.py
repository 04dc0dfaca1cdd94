"""Messages: every kind of content, what a change may touch, and how they go."""

import time

import openai
import pytest

from e2e.assistants_client import new_thread, on_both, reached, run_of, user
from envelope import assert_error
from upstream import Gate, text

KEYS = [
    "id",
    "object",
    "created_at",
    "assistant_id",
    "thread_id",
    "run_id",
    "status",
    "incomplete_details",
    "incomplete_at",
    "completed_at",
    "role",
    "content",
    "attachments",
    "metadata",
]


@on_both
def test_a_new_message_returns_every_member_in_the_usual_order(server, thread):
    before = int(time.time())
    made = server.ask("POST", f"/v1/threads/{thread.id}/messages", user("Ünïcödé 🚀 \x00 end")).json
    assert list(made) == KEYS
    assert made["id"].startswith("msg_")
    assert before <= made["created_at"] == made["completed_at"] <= time.time()
    assert {name: made[name] for name in KEYS if name not in {"id", "created_at", "completed_at"}} == {
        "object": "thread.message",
        "assistant_id": None,
        "thread_id": thread.id,
        "run_id": None,
        "status": "completed",
        "incomplete_details": None,
        "incomplete_at": None,
        "role": "user",
        "content": [{"type": "text", "text": {"value": "Ünïcödé 🚀 \x00 end", "annotations": []}}],
        "attachments": [],
        "metadata": {},
    }
    assert server.ask("GET", f"/v1/threads/{thread.id}/messages/{made['id']}").json == made


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"type": "text", "text": "a"}, {"type": "text", "text": {"value": "a", "annotations": []}}),
        (
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "auto"}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "high"}},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "high"}},
        ),
    ],
)
def test_each_kind_of_content_is_returned_in_its_response_form(server, thread, given, shown):
    made = server.ask("POST", f"/v1/threads/{thread.id}/messages", user([given, given])).json
    assert made["content"] == [shown, shown]


def test_attachments_and_metadata_are_echoed(server, client, thread):
    file = client.files.create(file=("a.txt", b"text"), purpose="assistants")
    attachments = [
        {"file_id": file.id, "tools": [{"type": "code_interpreter"}]},
        {"file_id": file.id, "tools": [{"type": "file_search"}]},
    ]
    body = user("see these", attachments=attachments, metadata={"a": "b"})
    made = server.ask("POST", f"/v1/threads/{thread.id}/messages", body).json
    assert (made["attachments"], made["metadata"]) == (attachments, {"a": "b"})
    body = user("none", attachments=None, metadata=None)
    made = server.ask("POST", f"/v1/threads/{thread.id}/messages", body).json
    assert (made["attachments"], made["metadata"]) == ([], {})


@on_both
def test_a_change_touches_metadata_alone(server, thread):
    made = server.ask("POST", f"/v1/threads/{thread.id}/messages", user("Hi", metadata={"a": "1"})).json
    path = f"/v1/threads/{thread.id}/messages/{made['id']}"
    assert server.ask("POST", path, {"metadata": {"b": "2"}}).json == {**made, "metadata": {"b": "2"}}
    assert server.ask("POST", path, {}).json == {**made, "metadata": {"b": "2"}}
    assert server.ask("POST", path, {"metadata": None}).json == made | {"metadata": {}}
    assert_error(
        server.ask("POST", path, {"content": "other"}),
        400,
        "Unknown parameter: 'content'.",
        "content",
        "unknown_parameter",
    )


@on_both
def test_a_deleted_message_is_not_found_and_not_sent_to_the_model(client, upstream, assistant):
    thread = new_thread(client, "secret", "public")
    secret = client.beta.threads.messages.list(thread.id, order="asc").data[0]
    deleted = client.beta.threads.messages.delete(secret.id, thread_id=thread.id)
    assert deleted.to_dict() == {"id": secret.id, "object": "thread.message.deleted", "deleted": True}
    for attempt in (
        client.beta.threads.messages.retrieve,
        client.beta.threads.messages.update,
        client.beta.threads.messages.delete,
    ):
        with pytest.raises(openai.NotFoundError) as caught:
            attempt(secret.id, thread_id=thread.id)
        assert_error(caught.value, 404, f"No message found with id '{secret.id}'.")
    run_of(client, thread, assistant)
    assert upstream.requests[-1].body["messages"] == [user("public")]


def test_a_message_of_another_thread_is_not_found(client, thread):
    message = client.beta.threads.messages.list(thread.id).data[0]
    other = client.beta.threads.create()
    with pytest.raises(openai.NotFoundError) as caught:
        client.beta.threads.messages.retrieve(message.id, thread_id=other.id)
    assert_error(caught.value, 404, f"No message found with id '{message.id}'.")


def test_a_reply_has_the_assistant_id_and_run_id(client, assistant, thread):
    run = run_of(client, thread, assistant)
    answer = client.beta.threads.messages.list(thread.id).data[0]
    assert (answer.role, answer.assistant_id, answer.run_id) == ("assistant", assistant.id, run.id)
    assert (answer.status, answer.completed_at, answer.incomplete_at) == ("completed", run.completed_at, None)
    second = run_of(client, thread, assistant)
    of_first = client.beta.threads.messages.list(thread.id, run_id=run.id).data
    assert [message.id for message in of_first] == [answer.id]
    assert [message.run_id for message in client.beta.threads.messages.list(thread.id, run_id=second.id)] == [second.id]
    assert client.beta.threads.messages.list(thread.id, run_id="run_unknown").data == []


@on_both
def test_an_unfinished_message_can_be_read_changed_and_deleted(client, upstream, assistant, thread):
    gate = Gate()
    upstream.answer(text("Hel", gate, "lo"))
    events = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id, stream=True)
    with events:
        started = next(event.data for event in events if event.event == "thread.message.delta")
        seen = client.beta.threads.messages.retrieve(started.id, thread_id=thread.id)
        assert (seen.status, seen.content) == ("in_progress", [])
        client.beta.threads.messages.update(started.id, thread_id=thread.id, metadata={"kept": "yes"})
        gate.open()
        assert [event.event for event in events][-1] == "thread.run.completed"
    seen = client.beta.threads.messages.retrieve(started.id, thread_id=thread.id)
    assert (seen.status, seen.content[0].text.value, seen.metadata) == ("completed", "Hello", {"kept": "yes"})

    gate = Gate()
    upstream.answer(text("Hel", gate, "lo"))
    events = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id, stream=True)
    with events:
        started = next(event.data for event in events if event.event == "thread.message.delta")
        client.beta.threads.messages.delete(started.id, thread_id=thread.id)
        gate.open()
        run = [event.data for event in events if event.event.startswith("thread.run.")][-1]
    assert reached(client, run).status == "completed"
    with pytest.raises(openai.NotFoundError):
        client.beta.threads.messages.retrieve(started.id, thread_id=thread.id)


@pytest.mark.parametrize(
    ("body", "message", "param", "code"),
    [
        (user(""), "Invalid 'content': empty string.", "content", "empty_string"),
        (user([]), "Invalid 'content': empty array.", "content", "empty_array"),
        ({"content": "x"}, "Missing required parameter: 'role'.", "role", "missing_required_parameter"),
        (user("x" * 256_001), "Invalid 'content': string too long.", "content", "string_above_max_length"),
        ({"role": "system", "content": "x"}, "Invalid value: 'system'.", "role", "invalid_value"),
    ],
)
def test_an_invalid_message_is_refused_with_the_reason(server, thread, body, message, param, code):
    reply = server.ask("POST", f"/v1/threads/{thread.id}/messages", body)
    assert reply.json["error"]["message"].startswith(message)
    assert_error(reply, 400, reply.json["error"]["message"], param, code)
    assert len(server.ask("GET", f"/v1/threads/{thread.id}/messages").json["data"]) == 1
