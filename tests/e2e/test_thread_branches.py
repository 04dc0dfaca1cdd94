"""Branches of threads and conversations."""

from e2e.assistants_client import new_thread, on_both, outputs_for, run_of, texts, user
from e2e.test_threads import KEYS, listed
from envelope import assert_error
from upstream import Gate, call, calls, text


def messages_of(server, thread_id):
    return server.ask("GET", f"/v1/threads/{thread_id}/messages?order=asc&limit=100").json["data"]


def without_places(message):
    return {**message, "id": None, "thread_id": None, "run_id": None}


@on_both
def test_a_branch_has_copies_of_the_messages_up_to_one_of_them(server, client, assistant):
    file = client.files.create(file=("a.txt", b"text"), purpose="assistants")
    attached = {"attachments": [{"file_id": file.id, "tools": [{"type": "code_interpreter"}]}]}
    word = client.beta.threads.create().id.replace("_", "")
    bodies = [user(f"{word} one", metadata={"n": "1"}, **attached), {"role": "assistant", "content": "two"}]
    thread = client.beta.threads.create(messages=bodies, metadata={"customer": "42"})
    run_of(client, thread, assistant)
    client.beta.threads.messages.create(thread.id, role="user", content="three")
    originals = messages_of(server, thread.id)
    path = f"/v1/threads/{thread.id}/branch"

    branch = server.ask("POST", path, {"after": originals[2]["id"]}).json
    assert list(branch) == [*KEYS, "branched_from"]
    copies = messages_of(server, branch["id"])
    assert [*map(without_places, copies)] == [*map(without_places, originals[:3])]
    assert {(copy["thread_id"], copy["run_id"]) for copy in copies} == {(branch["id"], None)}
    assert branch["branched_from"] == {
        "thread_id": thread.id,
        "message_id": originals[2]["id"],
        "copied_message_id": copies[2]["id"],
    }
    stored = server.ask("GET", f"/v1/threads/{thread.id}").json
    assert branch["metadata"] == stored["metadata"] == {"customer": "42"}
    assert branch["tool_resources"] == stored["tool_resources"] == {"code_interpreter": {"file_ids": [file.id]}}
    assert list(stored) == KEYS
    assert messages_of(server, thread.id) == originals

    empty = server.ask("POST", path, {"after": None, "metadata": {"a": "b"}}).json
    assert (messages_of(server, empty["id"]), empty["metadata"]) == ([], {"a": "b"})
    assert empty["branched_from"] == {"thread_id": thread.id, "message_id": None, "copied_message_id": None}
    assert listed(server, f"branched_from={thread.id}") == [empty["id"], branch["id"]]
    assert listed(server, f"branched_from={thread.id}&metadata[a]=b") == [empty["id"]]
    assert listed(server, f"branched_from={branch['id']}") == []
    assert listed(server, f"q={word}") == [branch["id"], thread.id]
    changed = server.ask("POST", f"/v1/threads/{branch['id']}", {"metadata": {}}).json
    assert changed == {**branch, "metadata": {}}


@on_both
def test_a_run_on_a_branch_sees_the_calls_of_the_runs_before(client, server, upstream, forecaster):
    thread = new_thread(client, "Weather?")
    upstream.answer(calls(call("get_weather", city="Oslo")), text("It is mild."))
    run = run_of(client, thread, forecaster)
    client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=thread.id, tool_outputs=outputs_for(run), poll_interval_ms=10
    )
    newest = client.beta.threads.messages.list(thread.id).data[0]
    branch = server.ask("POST", f"/v1/threads/{thread.id}/branch", {"after": newest.id}).json
    before = upstream.requests[-1].body["messages"]
    client.beta.threads.messages.create(branch["id"], role="user", content="And tomorrow?")
    upstream.answer(text("Rain."))
    client.beta.threads.runs.create_and_poll(thread_id=branch["id"], assistant_id=forecaster.id, poll_interval_ms=10)
    assert upstream.requests[-1].body["messages"] == [
        *before,
        {"role": "assistant", "content": "It is mild."},
        {"role": "user", "content": "And tomorrow?"},
    ]
    conversation = branch["id"].replace("thread_", "conv_")
    items = server.ask("GET", f"/v1/conversations/{conversation}/items?order=asc").json["data"]
    kinds = ["message", "function_call", "function_call_output", "message", "message", "message"]
    assert [item["type"] for item in items] == kinds
    origin = server.ask("GET", f"/v1/conversations/{conversation}").json["branched_from"]
    assert origin["conversation_id"] == thread.id.replace("thread_", "conv_")

    path = f"/v1/conversations/{conversation}/branch"
    second = server.ask("POST", path, {"after": items[2]["id"], "metadata": {"a": "b"}}).json
    copies = server.ask("GET", f"/v1/conversations/{second['id']}/items?order=asc").json["data"]
    assert [{**copy, "id": None} for copy in copies] == [{**item, "id": None} for item in items[:3]]
    assert second["branched_from"] == {
        "conversation_id": conversation,
        "item_id": items[2]["id"],
        "copied_item_id": copies[2]["id"],
    }
    assert second["metadata"] == {"a": "b"}
    assert server.ask("GET", f"/v1/conversations?branched_from={conversation}").json["data"] == [second]


@on_both
def test_a_long_thread_is_copied_in_order(server, client):
    thread = client.beta.threads.create(messages=[user(str(number)) for number in range(231)])
    pages = [*client.beta.threads.messages.list(thread.id, order="asc", limit=100)]
    branch = server.ask("POST", f"/v1/threads/{thread.id}/branch", {"after": pages[-1].id}).json
    thread.id = branch["id"]
    assert texts(client, thread) == [str(number) for number in range(231)]


def test_a_branch_needs_a_message_of_the_thread_that_is_complete(server, client, upstream, assistant, thread):
    path = f"/v1/threads/{thread.id}/branch"
    assert_error(
        server.ask("POST", path, {}), 400, "Missing required parameter: 'after'.", "after", "missing_required_parameter"
    )
    other = client.beta.threads.messages.create(client.beta.threads.create().id, role="user", content="Hi")
    assert_error(server.ask("POST", path, {"after": other.id}), 404, f"No message found with id '{other.id}'.")
    refused = server.ask("POST", "/v1/threads/thread_none/branch", {"after": None})
    assert_error(refused, 404, "No thread found with id 'thread_none'.")
    gate = Gate()
    upstream.answer(text("Half", gate, " done"))
    for event in client.beta.threads.runs.create(thread.id, assistant_id=assistant.id, stream=True):
        if event.event == "thread.message.created":
            open_message = event.data.id
            refused = server.ask("POST", path, {"after": open_message})
            gate.open()
    told = (
        f"Can't branch after message {open_message} while it is in progress."
        " Retry when its run has ended, or use an earlier message."
    )
    assert_error(refused, 400, told, "after", "invalid_value")
