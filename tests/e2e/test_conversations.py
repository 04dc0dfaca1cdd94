"""Conversations through the official client; and that they are threads, call by call."""

import openai
import pytest

from e2e.assistants_client import on_both, run_of, texts
from upstream import call, calls, text

MODEL = "gpt-4o"


def said(client, conversation):
    return [
        (item.type, *(part.text for part in getattr(item, "content", ())))
        for item in client.conversations.items.list(conversation, order="asc")
    ]


@on_both
@pytest.mark.proves("conversations.life")
def test_a_conversation_is_made_changed_and_removed(client, server):
    items = [{"type": "message", "role": "user", "content": "Hello"}]
    made = client.conversations.create(items=items, metadata={"topic": "a"})
    assert made.to_dict() == server.ask("GET", f"/conversations/{made.id}").json
    assert client.conversations.update(made.id, metadata={"topic": "b"}).metadata == {"topic": "b"}
    assert client.conversations.delete(made.id).to_dict() == {
        "id": made.id,
        "object": "conversation.deleted",
        "deleted": True,
    }
    with pytest.raises(openai.NotFoundError, match=f"Conversation with id '{made.id}' not found."):
        client.conversations.retrieve(made.id)


@on_both
@pytest.mark.proves("conversations.items")
def test_items_are_added_listed_and_removed(client):
    made = client.conversations.create()
    added = client.conversations.items.create(
        made.id,
        items=[
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "input_text", "text": "Hello"}]},
            {"role": "assistant", "content": "Hi."},
        ],
    )
    assert [item.role for item in added.data] == ["developer", "user", "assistant"]
    assert (added.first_id, added.last_id, added.has_more) == (added.data[0].id, added.data[2].id, False)
    page = client.conversations.items.list(made.id, limit=2)
    assert [item.role for item in page.data] == ["assistant", "user"]
    assert page.has_more
    assert [item.role for item in page.get_next_page().data] == ["developer"]
    item = client.conversations.items.retrieve(added.data[1].id, conversation_id=made.id)
    assert item.content[0].to_dict() == {"type": "input_text", "text": "Hello"}
    assert client.conversations.items.delete(item.id, conversation_id=made.id).id == made.id
    assert said(client, made.id) == [("message", "Be brief."), ("message", "Hi.")]
    with pytest.raises(openai.NotFoundError):
        client.conversations.items.retrieve(item.id, conversation_id=made.id)


@on_both
def test_a_response_reads_its_conversation_and_appends_to_it(client, upstream):
    upstream.answer(text("Ada."))
    made = client.conversations.create(items=[{"role": "user", "content": "I am Ada."}])
    response = client.responses.create(model=MODEL, input="Who am I?", conversation={"id": made.id})
    assert response.conversation.id == made.id
    assert [one["content"] for one in upstream.requests[-1].body["messages"]] == ["I am Ada.", "Who am I?"]
    assert said(client, made.id) == [("message", "I am Ada."), ("message", "Who am I?"), ("message", "Ada.")]


@on_both
@pytest.mark.proves("conversations.threads")
def test_a_thread_continues_as_a_conversation_and_is_read_back_as_a_thread(client, upstream):
    weather = {"type": "function", "function": {"name": "get_weather"}}
    assistant = client.beta.assistants.create(model=MODEL, tools=[weather])
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "Weather?"}])
    upstream.answer(calls(call("get_weather", call_id="call_a", city="Paris")), text("Mild."), text("In Paris."))
    run = run_of(client, thread, assistant)
    client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id,
        thread_id=thread.id,
        tool_outputs=[{"tool_call_id": "call_a", "output": "18"}],
        poll_interval_ms=20,
    )
    conversation = thread.id.replace("thread_", "conv_")
    assert said(client, conversation) == [
        ("message", "Weather?"),
        ("function_call",),
        ("function_call_output",),
        ("message", "Mild."),
    ]
    client.responses.create(model=MODEL, input="Where was that?", conversation=conversation)
    assert [one["role"] for one in upstream.requests[-1].body["messages"]] == [
        "user",
        "assistant",
        "tool",
        "assistant",
        "user",
    ]
    assert texts(client, thread) == ["Weather?", "Mild.", "Where was that?", "In Paris."]
    assert [one.id for one in client.beta.threads.runs.list(thread.id)] == [run.id]
    assert client.conversations.retrieve(conversation).created_at == thread.created_at


@pytest.mark.proves("conversations.limits")
def test_bad_items_are_refused_and_nothing_is_added(client, server):
    made = client.conversations.create()
    path = f"/conversations/{made.id}/items"
    many = [{"role": "user", "content": "x"}] * 21
    assert server.ask("POST", path, {"items": many}).status == 400
    mixed = server.ask("POST", path, {"items": [{"role": "user", "content": "x"}, {"type": "nothing"}]})
    assert (mixed.status, mixed.json["error"]["param"]) == (400, "items[1].type")
    assert said(client, made.id) == []
    assert server.ask("GET", "/conversations/thread_x").status == 400
    assert server.ask("GET", "/conversations/conv_x").status == 404
    assert server.ask("POST", "/conversations/conv_x/items", {"items": many[:1]}).status == 404
