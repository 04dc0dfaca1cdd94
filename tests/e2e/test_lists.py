"""Lists of every kind, held against a list in memory: limits, both orders, cursors, and rows that come and go."""

import json
import random
from dataclasses import dataclass
from itertools import product

import pytest

from e2e.assistants_client import new_thread, on_both, outputs_for, run_of, steps_of, user
from envelope import assert_error
from upstream import call, calls, text

COUNT = 7


@dataclass(frozen=True)
class Listed:
    """A list: its path, the ids in it, oldest first, and the ids of which one is deleted by its path."""

    path: str
    ids: list[str]


def assistants(client):
    return Listed("/v1/assistants", [client.beta.assistants.create(model="gpt-4o").id for _ in range(COUNT)])


def threads(client):
    mark = client.beta.threads.create().id
    made = [client.beta.threads.create(metadata={"mark": mark}).id for _ in range(COUNT)]
    return Listed(f"/v1/threads?metadata[mark]={mark}", made)


def messages(client):
    thread = client.beta.threads.create()
    made = [client.beta.threads.messages.create(thread.id, role="user", content=str(n)).id for n in range(COUNT)]
    return Listed(f"/v1/threads/{thread.id}/messages", made)


def messages_of_a_run(client, upstream):
    assistant = client.beta.assistants.create(model="gpt-4o", tools=[{"type": "function", "function": {"name": "f"}}])
    thread = new_thread(client, "Hello")
    run = run_of(client, thread, assistant)
    for _ in range(COUNT):
        client.beta.threads.messages.create(thread.id, role="user", content="more")
    run_of(client, thread, assistant)
    (answer,) = client.beta.threads.messages.list(thread.id, run_id=run.id).data
    return Listed(f"/v1/threads/{thread.id}/messages?run_id={run.id}", [answer.id])


def runs(client):
    assistant = client.beta.assistants.create(model="gpt-4o")
    thread = new_thread(client, "Hello")
    return Listed(f"/v1/threads/{thread.id}/runs", [run_of(client, thread, assistant).id for _ in range(COUNT)])


def project_runs(client):
    assistant = client.beta.assistants.create(model="gpt-4o")
    made = [run_of(client, new_thread(client, "Hello"), assistant).id for _ in range(COUNT)]
    return Listed(f"/v1/runs?assistant_id={assistant.id}&status[]=completed&status[]=failed", made)


def steps(client, upstream):
    assistant = client.beta.assistants.create(model="gpt-4o", tools=[{"type": "function", "function": {"name": "f"}}])
    thread = new_thread(client, "Hello")
    upstream.answer(*[calls(call("f", call_id=f"call_{n}")) for n in range(COUNT - 1)], text("done"))
    run = run_of(client, thread, assistant)
    while run.status == "requires_action":
        run = client.beta.threads.runs.submit_tool_outputs_and_poll(
            run_id=run.id, thread_id=thread.id, tool_outputs=outputs_for(run), poll_interval_ms=10
        )
    return Listed(f"/v1/threads/{thread.id}/runs/{run.id}/steps", [step.id for step in steps_of(client, run)])


def page(server, path, **query):
    sign = "&" if "?" in path else "?"
    reply = server.ask("GET", path + sign + "&".join(f"{name}={value}" for name, value in query.items()))
    assert reply.status == 200, reply.body
    assert list(reply.json) == ["object", "data", "first_id", "last_id", "has_more"]
    assert reply.json["object"] == "list"
    ids = [row["id"] for row in reply.json["data"]]
    assert (reply.json["first_id"], reply.json["last_id"]) == ((ids[0], ids[-1]) if ids else (None, None))
    return ids, reply.json["has_more"]


def expected(ids, limit, order, after, before):
    """What a page is: an open interval of the list in its order, walked from `after`, or backwards from `before`."""
    ordered = ids if order == "asc" else ids[::-1]
    start = ordered.index(after) + 1 if after else 0
    end = ordered.index(before) if before else len(ordered)
    between = ordered[start:end]
    shown = between[-limit:] if before and not after else between[:limit]
    return shown, len(between) > limit


@on_both
@pytest.mark.parametrize("kind", [threads, messages, runs, project_runs, steps])
def test_pages_match_a_list_in_memory(server, client, upstream, kind):
    found = kind(client, upstream) if kind is steps else kind(client)
    assert len(found.ids) == COUNT
    cursors = [None, found.ids[0], found.ids[3], found.ids[-1]]
    for limit, order, after, before in product((1, 2, COUNT, 100), ("asc", "desc"), cursors, cursors):
        query = {"limit": limit, "order": order, "after": after, "before": before}
        given = {name: value for name, value in query.items() if value is not None}
        assert page(server, found.path, **given) == expected(found.ids, **query), given


def test_assistants_are_listed_newest_first_as_pages_of_twenty(server, client):
    made = [client.beta.assistants.create(model="gpt-4o").id for _ in range(25)]
    ids, more = page(server, "/v1/assistants")
    assert (ids, more) == (made[:4:-1], True)
    ids, _ = page(server, "/v1/assistants", after=made[5], before=made[0])
    assert ids == made[4:0:-1]


@on_both
def test_a_filtered_list_has_its_own_ends(server, client, upstream):
    found = messages_of_a_run(client, upstream)
    assert page(server, found.path, limit=1) == (found.ids, False)
    assert page(server, found.path, limit=1, order="asc") == (found.ids, False)
    assert page(server, found.path, after=found.ids[0]) == ([], False)


@on_both
def test_the_runs_of_all_threads_are_narrowed_by_each_member(server, client, upstream):
    assistant = client.beta.assistants.create(model="gpt-4o", tools=[{"type": "function", "function": {"name": "f"}}])
    path = f"/v1/runs?assistant_id={assistant.id}"
    done = run_of(client, new_thread(client, "Hello"), assistant, metadata={"a.b": "'1'", "c": "2"})
    other_model = run_of(client, new_thread(client, "Hello"), assistant, model="gpt-4o-mini")
    upstream.answer(calls(call("f", call_id="call_1")))
    waiting = run_of(client, new_thread(client, "Hello"), assistant, metadata={"c": "2"})
    for query, runs_found in {
        "": [waiting, other_model, done],
        "&status=completed": [other_model, done],
        "&status[]=requires_action&status[]=queued": [waiting],
        "&status=failed,cancelled": [],
        "&model=gpt-4o-mini": [other_model],
        f"&thread_id={done.thread_id}": [done],
        "&metadata[c]=2": [waiting, done],
        "&metadata[c]=2&metadata[a.b]=%271%27": [done],
        "&metadata[c]=3": [],
        f"&created_after={done.created_at - 1}&created_before={waiting.created_at + 1}": [waiting, other_model, done],
        f"&created_after={waiting.created_at}": [],
        f"&created_before={done.created_at}": [],
    }.items():
        assert page(server, path + query, limit=5) == ([run.id for run in runs_found], False), query
    assert server.ask("GET", f"/v1/runs/{done.id}").json["id"] == done.id
    assert_error(server.ask("GET", "/v1/runs/run_none"), 404, "No run found with id 'run_none'.")
    assert_error(
        server.ask("GET", "/v1/runs?status=done"),
        400,
        "Invalid value: 'done'. Supported values are: 'queued', 'in_progress', 'requires_action', 'cancelling',"
        " 'cancelled', 'failed', 'completed', 'incomplete', and 'expired'.",
        "status[0]",
        "invalid_value",
    )


def create_assistant(client, name):
    return client.beta.assistants.create(model="gpt-4o", name=name, metadata={"set": "1", "name": name})


def create_store(client, name):
    return client.vector_stores.create(name=name, metadata={"set": "1", "name": name})


def upload(client, name):
    return client.files.create(file=(name, b"{}"), purpose="user_data")


@on_both
@pytest.mark.parametrize(
    ("path", "create"), [("assistants", create_assistant), ("vector_stores", create_store), ("files", upload)]
)
def test_a_list_is_searched_by_names_and_ids(server, client, path, create):
    first, second = (create(client, name).id for name in ("Sales 10%_ 'x'", "sales 10 percent"))
    for q, ids_found in {
        "SALES%2010": [second, first],
        "10%25_": [first],
        "10%25%25": [],
        "%27x%27": [first],
        second: [second],
        second[-9:]: [second],
        "absent": [],
    }.items():
        ids, more = page(server, f"/v1/{path}?q={q}", limit=5)
        assert ([one for one in ids if one in {first, second}], more) == (ids_found, False), q
    if path != "files":
        assert page(server, f"/v1/{path}?metadata[set]=1&metadata[name]=sales%2010%20percent")[0] == [second]
        assert page(server, f"/v1/{path}?q=sales&metadata[set]=2")[0] == []


@on_both
def test_a_list_is_searched_beside_objects_with_nul_characters(server, client):
    odd = create_assistant(client, "heliotrope \0\0 and \\u0000")
    assert page(server, "/v1/assistants?q=heliotrope%20&metadata[set]=1")[0] == [odd.id]
    assert client.beta.assistants.retrieve(odd.id).name == odd.name


@on_both
def test_batches_and_webhooks_are_searched(server, client):
    line = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "gpt-4o"}}
    file = client.files.create(file=("b.jsonl", json.dumps(line).encode()), purpose="batch")
    batch = client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"set": file.id}
    )
    assert page(server, f"/v1/batches?q={file.id}")[0] == [batch.id]
    assert page(server, f"/v1/batches?metadata[set]={file.id}")[0] == [batch.id]
    assert page(server, f"/v1/batches?metadata[set]={file.id}&q=embeddings")[0] == []
    hook = {"name": "orders", "url": "https://example.com/orders-hook", "event_types": ["batch.completed"]}
    made = server.ask("POST", "/v1/webhook_endpoints", hook).json["id"]
    assert page(server, "/v1/webhook_endpoints?q=ORDERS-hook")[0] == [made]
    server.ask("DELETE", f"/v1/webhook_endpoints/{made}")


@on_both
def test_stored_responses_and_conversations_are_listed(server, client):
    conversation = client.conversations.create(metadata={"set": "conversations-listed"})
    first = client.responses.create(model="gpt-4o", input="Heliotrope one", metadata={"set": "listed"})
    second = client.responses.create(
        model="gpt-4o", input="two", metadata={"set": "listed"}, previous_response_id=first.id
    )
    unstored = client.responses.create(model="gpt-4o", input="three", metadata={"set": "listed"}, store=False)
    path = "/v1/responses?metadata[set]=listed"
    for query, ids_found in {
        "": [second.id, first.id],
        "&status=completed&model=gpt-4o": [second.id, first.id],
        "&status=failed": [],
        "&model=other": [],
        "&q=heliotrope": [first.id],
        f"&after={second.id}": [first.id],
        "&order=asc": [first.id, second.id],
    }.items():
        assert page(server, path + query) == (ids_found, False), query
    assert unstored.id not in page(server, "/v1/responses", limit=100)[0]
    (listed,) = server.ask("GET", f"/v1/responses?metadata[set]=listed&after={second.id}").json["data"]
    assert listed == server.ask("GET", f"/v1/responses/{first.id}").json
    reply = server.ask("GET", "/v1/conversations?metadata[set]=conversations-listed")
    assert reply.json["data"] == [server.ask("GET", f"/v1/conversations/{conversation.id}").json]
    assert page(server, f"/v1/conversations?metadata[set]=conversations-listed&after={conversation.id}") == ([], False)


@on_both
def test_threads_are_listed_by_their_last_activity(server, client):
    made = [client.beta.threads.create(metadata={"set": "active"}).id for _ in range(3)]
    client.beta.threads.messages.create(made[0], role="user", content="Heliotrope")
    path = "/v1/threads?metadata[set]=active&order_by=last_active_at"
    assert page(server, path)[0][0] == made[0]
    listed = server.ask("GET", f"{path}&limit=1").json["data"][0]
    assert 0 <= listed.pop("last_active_at") - listed["created_at"] < 60
    assert listed["id"] == made[0]
    assert page(server, f"{path}&order=asc&limit=1")[1] is True
    conversations = path.replace("threads", "conversations")
    first = server.ask("GET", f"{conversations}&include[]=preview").json["data"][0]
    assert (first["id"], first["preview"]) == (made[0].replace("thread_", "conv_"), "Heliotrope")
    cursor = f"{first['id']},{first['last_active_at']}"
    client.beta.threads.messages.create(made[0], role="user", content="Again")
    assert page(server, f"{conversations}&after={cursor}")[0] == page(server, f"{conversations}&after={first['id']}")[0]
    refused = server.ask("GET", "/v1/threads?order_by=name")
    assert (refused.status, refused.json["error"]["param"]) == (400, "order_by")


@on_both
def test_an_empty_list_has_no_first_and_no_last(server, client):
    thread = client.beta.threads.create()
    for below in ("messages", "runs"):
        reply = server.ask("GET", f"/v1/threads/{thread.id}/{below}")
        assert reply.body == b'{"object":"list","data":[],"first_id":null,"last_id":null,"has_more":false}'


def test_the_package_turns_the_pages_by_itself(client):
    found = messages(client)
    listed = client.beta.threads.messages.list(found.path.split("/")[3], limit=2)
    assert [message.id for message in listed] == found.ids[::-1]
    listed = client.beta.threads.messages.list(found.path.split("/")[3], limit=3, order="asc")
    assert [message.id for message in listed] == found.ids


async def test_the_package_turns_the_pages_by_itself_asynchronously(async_client, client):
    found = messages(client)
    listed = async_client.beta.threads.messages.list(found.path.split("/")[3], limit=2)
    assert [message.id async for message in listed] == found.ids[::-1]


@on_both
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_objects_added_while_paging_neither_repeat_nor_hide_others(client, order):
    thread = client.beta.threads.create()

    def add():
        return client.beta.threads.messages.create(thread.id, role="user", content="x").id

    there = [add() for _ in range(6)]
    seen = []
    for message in client.beta.threads.messages.list(thread.id, limit=2, order=order):
        seen.append(message.id)
        if len(seen) <= 6:
            there.append(add())
    # Oldest first, the walk meets all that was added behind it; newest first, it has left that place already.
    assert seen == (there if order == "asc" else there[:6][::-1])


@on_both
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_deleted_object_remains_valid_as_a_cursor(client, order):
    found = messages(client)
    thread_id = found.path.split("/")[3]
    seen = []
    for message in client.beta.threads.messages.list(thread_id, limit=2, order=order):
        seen.append(message.id)
        client.beta.threads.messages.delete(message.id, thread_id=thread_id)
    assert seen == (found.ids if order == "asc" else found.ids[::-1])
    assert client.beta.threads.messages.list(thread_id).data == []


def test_deleted_assistants_and_threads_still_mark_their_place(client, server):
    made = assistants(client).ids
    client.beta.assistants.delete(made[3])
    assert page(server, "/v1/assistants", after=made[3], limit=2)[0] == [made[2], made[1]]
    found = threads(client)
    client.beta.threads.delete(found.ids[3])
    assert page(server, found.path, after=found.ids[3], limit=2)[0] == [found.ids[2], found.ids[1]]


@on_both
def test_pages_stay_right_in_any_mix_of_changes(server, client):
    chance = random.Random(20)
    found = messages(client)
    thread_id, live, known = found.path.split("/")[3], list(found.ids), list(found.ids)
    for _ in range(60):
        match chance.randrange(4):
            case 0:
                live.append(client.beta.threads.messages.create(thread_id, **user("x")).id)
                known.append(live[-1])
            case 1 if live:
                gone = live.pop(chance.randrange(len(live)))
                client.beta.threads.messages.delete(gone, thread_id=thread_id)
            case _:
                query = {
                    "limit": chance.randint(1, 5),
                    "order": chance.choice(["asc", "desc"]),
                    "after": chance.choice([None, *known]),
                    "before": chance.choice([None, *known]),
                }
                given = {name: value for name, value in query.items() if value}
                assert page(server, found.path, **given) == among(known, live, **query), given


def among(known, live, limit, order, after, before):
    """Like `expected`, where the cursors may be of what is gone."""
    shown, _ = expected(known, len(known), order, after, before)
    between = [one for one in shown if one in live]
    walked = between[-limit:] if before and not after else between[:limit]
    return walked, len(between) > limit


@on_both
@pytest.mark.parametrize("name", ["after", "before"])
@pytest.mark.parametrize("cursor", ["msg_unknown", "undefined", "'%20OR%201=1--", "%F0%9F%99%82"])
def test_a_cursor_that_was_never_in_the_list_is_refused(server, thread, name, cursor):
    reply = server.ask("GET", f"/v1/threads/{thread.id}/messages?{name}={cursor}")
    said = reply.json["error"]["message"]
    assert said.startswith(f"Invalid '{name}': no object with id ")
    assert said.endswith(" in this list. Use an id that the list has returned.")
    assert_error(reply, 400, said, name, "invalid_value")


@on_both
@pytest.mark.parametrize("path", ["messages?after=%00", "messages?before=a%00b", "runs?after=%00", "messages/msg_%00"])
def test_a_nul_in_a_cursor_or_an_id_is_the_clients_fault(server, thread, path):
    reply = server.ask("GET", f"/v1/threads/{thread.id}/{path}")
    assert reply.status in {400, 404}
    assert reply.json["error"]["type"] == "invalid_request_error"


def test_a_cursor_of_another_list_is_refused(server, client, thread):
    other = new_thread(client, "Hello")
    (message,) = client.beta.threads.messages.list(other.id).data
    reply = server.ask("GET", f"/v1/threads/{thread.id}/messages?after={message.id}")
    told = f"Invalid 'after': no object with id '{message.id}' in this list. Use an id that the list has returned."
    assert_error(reply, 400, told, "after", "invalid_value")


@pytest.mark.parametrize(
    ("query", "message", "param", "code"),
    [
        (
            "limit=0",
            "Invalid 'limit': integer below minimum value. Expected a value >= 1, but got 0 instead.",
            "limit",
            "integer_below_min_value",
        ),
        (
            "limit=101",
            "Invalid 'limit': integer above maximum value. Expected a value <= 100, but got 101 instead.",
            "limit",
            "integer_above_max_value",
        ),
        (
            "limit=ten",
            "Invalid type for 'limit': expected an integer, but got a string instead.",
            "limit",
            "invalid_type",
        ),
        ("order=up", "Invalid value: 'up'. Supported values are: 'asc' and 'desc'.", "order", "invalid_value"),
    ],
)
def test_a_bad_query_is_refused_by_every_list(server, client, query, message, param, code):
    thread = client.beta.threads.create().id
    for path in (
        "/v1/assistants",
        "/v1/threads",
        "/v1/runs",
        f"/v1/threads/{thread}/messages",
        f"/v1/threads/{thread}/runs",
    ):
        assert_error(server.ask("GET", f"{path}?{query}"), 400, message, param, code)


@pytest.mark.parametrize("query", ["after=&before=&foo=bar", "run_id="])
def test_unknown_and_empty_query_parameters_are_ignored(server, thread, query):
    path = f"/v1/threads/{thread.id}/messages"
    assert server.ask("GET", f"{path}?{query}").json == server.ask("GET", path).json


def test_a_malformed_run_id_in_a_message_list_is_refused(server, thread):
    said = "Invalid 'run_id': 'wrong'. Expected an ID that begins with 'run'."
    reply = server.ask("GET", f"/v1/threads/{thread.id}/messages?run_id=wrong")
    assert_error(reply, 400, said, "run_id", "invalid_value")
