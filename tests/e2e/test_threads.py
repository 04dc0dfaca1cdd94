"""Threads: with and without a body, changed, deleted, listed and searched."""

import time

import openai
import pytest

from e2e.assistants_client import new_thread, on_both, run_of, user
from envelope import assert_error
from waiting import eventually

KEYS = ["id", "object", "created_at", "metadata", "tool_resources"]


@on_both
@pytest.mark.parametrize("body", [None, b"", {}, {"messages": [], "metadata": None, "tool_resources": None}])
def test_a_thread_is_created_without_messages(server, body):
    before = int(time.time())
    made = server.ask("POST", "/v1/threads", body).json
    assert list(made) == KEYS
    assert made["id"].startswith("thread_")
    assert before <= made["created_at"] <= time.time()
    assert (made["object"], made["metadata"], made["tool_resources"]) == ("thread", {}, {})
    # Once it is read, the code interpreter's empty list stands there, as in the hosted API.
    resources = {"code_interpreter": {"file_ids": []}}
    assert server.ask("GET", f"/v1/threads/{made['id']}").json == {**made, "tool_resources": resources}


def test_the_messages_that_it_is_made_with_keep_their_order(client):
    bodies = [user("one"), {"role": "assistant", "content": "two"}, user([{"type": "text", "text": "three"}])]
    thread = client.beta.threads.create(messages=bodies, metadata={"a": "b"})
    assert thread.metadata == {"a": "b"}
    messages = client.beta.threads.messages.list(thread.id, order="asc").data
    assert [(message.role, message.content[0].text.value) for message in messages] == [
        ("user", "one"),
        ("assistant", "two"),
        ("user", "three"),
    ]


def test_a_thread_with_an_invalid_message_is_not_created(server):
    before = server.ask("GET", "/v1/threads?limit=1").json["first_id"]
    reply = server.ask("POST", "/v1/threads", {"messages": [user("fine"), user("")]})
    assert_error(
        reply,
        400,
        "Invalid 'messages[1].content': empty string. Expected a string with minimum length 1, but got an empty "
        "string instead.",
        "messages[1].content",
        "empty_string",
    )
    assert server.ask("GET", "/v1/threads?limit=1").json["first_id"] == before


@on_both
def test_a_change_replaces_metadata_as_a_whole_and_leaves_the_rest(server, client):
    file = client.files.create(file=("a.txt", b"text"), purpose="assistants")
    resources = {"code_interpreter": {"file_ids": [file.id]}}
    made = server.ask("POST", "/v1/threads", {"metadata": {"a": "1", "b": "2"}, "tool_resources": resources}).json
    path = f"/v1/threads/{made['id']}"
    assert server.ask("POST", path, {"metadata": {"b": "3"}}).json == {**made, "metadata": {"b": "3"}}
    assert server.ask("POST", path, {}).json == {**made, "metadata": {"b": "3"}}
    assert server.ask("POST", path, {"metadata": None}).json == {**made, "metadata": {}}
    search = {"file_search": {"vector_store_ids": [client.vector_stores.create().id]}}
    assert server.ask("POST", path, {"tool_resources": search}).json["tool_resources"] == resources | search
    assert server.ask("POST", path, {"tool_resources": None}).json["tool_resources"] == {}


@on_both
def test_a_deleted_thread_and_its_objects_are_not_found(server, client, assistant):
    thread = new_thread(client, "Hello")
    run = run_of(client, thread, assistant)
    message = client.beta.threads.messages.list(thread.id).data[0]
    (step,) = client.beta.threads.runs.steps.list(run.id, thread_id=thread.id).data
    deleted = client.beta.threads.delete(thread.id)
    assert deleted.to_dict() == {"id": thread.id, "object": "thread.deleted", "deleted": True}
    path = f"/v1/threads/{thread.id}"
    for method, below, body in (
        ("GET", "", None),
        ("POST", "", {}),
        ("DELETE", "", None),
        ("GET", "/messages", None),
        ("POST", "/messages", user("hi")),
        ("GET", f"/messages/{message.id}", None),
        ("POST", f"/messages/{message.id}", {}),
        ("DELETE", f"/messages/{message.id}", None),
        ("GET", "/runs", None),
        ("POST", "/runs", {"assistant_id": assistant.id}),
        ("GET", f"/runs/{run.id}", None),
        ("POST", f"/runs/{run.id}", {}),
        ("POST", f"/runs/{run.id}/cancel", None),
        ("POST", f"/runs/{run.id}/submit_tool_outputs", {"tool_outputs": []}),
        ("GET", f"/runs/{run.id}/steps", None),
        ("GET", f"/runs/{run.id}/steps/{step.id}", None),
    ):
        assert_error(server.ask(method, path + below, body), 404, f"No thread found with id '{thread.id}'.")


def listed(server, query):
    reply = server.ask("GET", f"/v1/threads?{query}")
    assert reply.status == 200, reply.body
    return [thread["id"] for thread in reply.json["data"]]


@on_both
def test_threads_are_listed_by_metadata(server, client):
    mark = client.beta.threads.create().id
    blue = client.beta.threads.create(metadata={"mark": mark, "team": "blue"})
    red = client.beta.threads.create(metadata={"mark": mark, "team": "red 🙂 'quoted' \"twice\" 100%"})
    assert listed(server, f"metadata[mark]={mark}") == [red.id, blue.id]
    assert listed(server, f"metadata%5Bmark%5D={mark}&order=asc&limit=1") == [blue.id]
    assert listed(server, f"metadata[mark]={mark}&metadata[team]=blue") == [blue.id]
    quoted = "red%20%F0%9F%99%82%20'quoted'%20%22twice%22%20100%25"
    assert listed(server, f"metadata[mark]={mark}&metadata[team]={quoted}") == [red.id]
    assert listed(server, f"metadata[mark]={mark}&metadata[team]=Blue") == []
    client.beta.threads.update(blue.id, metadata={"mark": mark, "team": "green"})
    assert listed(server, f"metadata[mark]={mark}&metadata[team]=blue") == []
    assert listed(server, f"metadata[mark]={mark}&metadata[team]=green&after={red.id}") == [blue.id]


@on_both
def test_threads_are_found_by_words_in_their_messages(server, client, assistant):
    mark = client.beta.threads.create().id.replace("_", "")
    asked = new_thread(client, f"Where is the {mark} lighthouse?")
    run_of(client, asked, assistant)
    other = new_thread(client, f"The {mark} Harbour, at 5 o'clock!", "Another message")
    assert listed(server, f"q={mark}") == [other.id, asked.id]
    assert listed(server, f"q={mark}%20LIGHTHOUSE") == [asked.id]
    assert listed(server, f"q=said%20{mark}") == [asked.id]
    assert listed(server, f"q={mark}%20another") == []
    for odd in ("%22", "*", "%27%3B--", "(", "NEAR(", "%20"):
        assert listed(server, f"q={odd}{mark}x") == []
    message = client.beta.threads.messages.list(other.id, order="asc").data[0]
    client.beta.threads.messages.delete(message.id, thread_id=other.id)
    assert listed(server, f"q={mark}") == [asked.id]


@on_both
def test_messages_of_a_thread_are_found_by_their_words(server, client, assistant):
    mark = client.beta.threads.create().id.replace("_", "")
    thread = new_thread(client, f"Where is the {mark} lighthouse?", "Another message")
    new_thread(client, f"Where is the {mark} lighthouse?")
    run = run_of(client, thread, assistant)

    def found(query):
        reply = server.ask("GET", f"/v1/threads/{thread.id}/messages?{query}")
        assert reply.status == 200, reply.body
        return [message["content"][0]["text"]["value"] for message in reply.json["data"]]

    asked = f"Where is the {mark} lighthouse?"
    assert found(f"q={mark}&order=asc") == [asked]
    assert found("q=MESSAGE&order=asc") == ["Another message", "You said: Another message"]
    assert found("q=message&limit=1") == ["You said: Another message"]
    assert found(f"q=message&run_id={run.id}") == ["You said: Another message"]
    assert found(f"q=message%20{mark}") == []
    for odd in ("%22", "*", "(", "NEAR("):
        assert found(f"q={odd}x{mark}x") == []
    assert len(found("q=")) == 3
    first = client.beta.threads.messages.list(thread.id, order="asc").data[0]
    refused = server.ask("GET", f"/v1/threads/{thread.id}/messages?q=message&around={first.id}")
    assert_error(refused, 400, "`around` cannot be combined with `q`: leave one of them out.", param="around")
    missing = server.ask("GET", "/v1/threads/thread_missing/messages?q=message")
    assert_error(missing, 404, "No thread found with id 'thread_missing'.")


@on_both
@pytest.mark.parametrize("q", ["%22", "!!!", "_"])
def test_a_search_without_a_word_finds_nothing(server, client, q):
    new_thread(client, "!!!")
    assert listed(server, f"q={q}") == []


@on_both
def test_the_items_of_a_deleted_thread_are_erased_in_the_background(server, client):
    word = client.beta.threads.create().id.replace("_", "")
    thread = new_thread(client, *[f"{word} {number}" for number in range(450)])
    assert listed(server, f"q={word}") == [thread.id]
    client.beta.threads.delete(thread.id)
    assert listed(server, f"q={word}") == []
    if server.log.parent.name.startswith("sqlite"):
        file = server.data / "understudy.sqlite3"
        import apsw

        count = f"SELECT count(*) FROM items WHERE thread_id = '{thread.id}'"
        connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
        eventually(lambda: connection.execute(count).fetchall() == [(0,)])
        connection.close()


def test_a_malformed_thread_id_is_refused(server):
    reply = server.ask("GET", "/v1/threads/undefined")
    message = "Invalid 'thread_id': 'undefined'. Expected an ID that begins with 'thread'."
    assert_error(reply, 400, message, "thread_id", "invalid_value")


def test_an_unknown_thread_is_not_found(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.beta.threads.retrieve("thread_unknown")
    assert_error(caught.value, 404, "No thread found with id 'thread_unknown'.")


@on_both
def test_a_list_of_threads_has_the_members_that_include_names(server, client, upstream):
    mark = client.beta.threads.create().id
    empty = client.beta.threads.create(metadata={"mark": mark})
    assistant = client.beta.assistants.create(model="gpt-4o")
    thread = client.beta.threads.create(
        metadata={"mark": mark}, messages=[user("Marigold " + "x" * 300), user("A second marigold")]
    )
    run = run_of(client, thread, assistant)
    path = f"/v1/threads?metadata[mark]={mark}&include[]=preview,message_count,last_run,match"
    listed = {one["id"]: one for one in server.ask("GET", path).json["data"]}
    assert {name: listed[empty.id][name] for name in ("preview", "message_count", "last_run", "match")} == {
        "preview": None,
        "message_count": 0,
        "last_run": None,
        "match": None,
    }
    assert listed[thread.id]["preview"] == ("Marigold " + "x" * 300)[:200]
    assert listed[thread.id]["message_count"] == 3
    assert listed[thread.id]["last_run"] == {
        "id": run.id,
        "status": "completed",
        "created_at": run.created_at,
        "assistant_id": assistant.id,
    }
    (found,) = server.ask("GET", f"/v1/threads?metadata[mark]={mark}&q=MARIGOLD&include[]=match").json["data"]
    assert found["match"]["text"] == "You said: A second marigold"
    assert "preview" not in found
    reply = server.ask("GET", f"/v1/threads/{thread.id}?include[]=message_count").json
    assert reply.pop("message_count") == 3
    assert reply == server.ask("GET", f"/v1/threads/{thread.id}").json
    refused = server.ask("GET", "/v1/threads?include[]=everything")
    assert (refused.status, refused.json["error"]["param"]) == (400, "include[0]")


@on_both
def test_a_page_of_messages_has_one_of_them_in_its_middle(server, client):
    thread = client.beta.threads.create()
    made = [client.beta.threads.messages.create(thread.id, **user(str(number))).id for number in range(9)]
    for query, ids, more in (
        (f"around={made[4]}&limit=5", made[6:1:-1], True),
        (f"around={made[4]}&limit=5&order=asc", made[2:7], True),
        (f"around={made[4]}&limit=1", [made[4]], True),
        (f"around={made[8]}&limit=4", made[8:4:-1], True),
        (f"around={made[0]}&limit=4", made[2::-1], False),
        (f"around={made[0]}&limit=4&order=asc", made[:3], True),
        (f"around={made[4]}&limit=100", made[::-1], False),
    ):
        reply = server.ask("GET", f"/v1/threads/{thread.id}/messages?{query}").json
        assert ([one["id"] for one in reply["data"]], reply["has_more"]) == (ids, more), query
    refused = server.ask("GET", f"/v1/threads/{thread.id}/messages?around=msg_none")
    told = "Invalid 'around': no object with id 'msg_none' in this list. Use an id that the list has returned."
    assert_error(refused, 400, told, "around", "invalid_value")
