"""Two projects on one server, each with a key of its own: what is the other's answers like what never was.

Each operation of the document whose path names an object is asked for, so that one which is added is held to it too.
"""

import json
import re

import pytest

from conformance.conftest import asker
from e2e.uploads import field, file_part, form, send, upload
from sandbox.machine import interpreter
from serving import KEY, Server
from upstream import call, calls
from waiting import eventually

# What an operation needs in its body to come as far as looking for the object. `OWN_…` is what the asking project has.
BODIES = {
    "createMessage": {"role": "user", "content": "Hello"},
    "branchThread": {"after": None},
    "branchConversation": {"after": None},
    "CreateVideoRemix": {"prompt": "Still"},
    "createPromptVersion": {"instructions": "Hi"},
    "createRun": {"assistant_id": "OWN_ASSISTANT"},
    "submitToolOuputsToRun": {"tool_outputs": [{"tool_call_id": "call_a", "output": "18"}]},
    "completeUpload": {"part_ids": ["part_unknown"]},
    "searchVectorStore": {"query": "Hello"},
    "createVectorStoreFile": {"file_id": "OWN_FILE"},
    "updateVectorStoreFileAttributes": {"attributes": {"a": "b"}},
    "createVectorStoreFileBatch": {"file_ids": ["OWN_FILE"]},
    "CreateContainerFile": {"file_id": "OWN_FILE"},
    "updateChatCompletion": {"metadata": {"a": "b"}},
    "updateConversation": {"metadata": {"a": "b"}},
    "createConversationItems": {"items": [{"role": "user", "content": "Hello"}]},
    "updateWebhookEndpoint": {"name": "other"},
    "rotateWebhookEndpointSecret": {},
    "extendLumaGeneration": {"user_prompt": "More", "aspect_ratio": "1:1"},
    "testWebhookEndpoint": {"event_type": "batch.completed"},
}
IMAGE = {"role": "user", "content": [{"type": "input_image", "file_id": "{file_id}"}]}
# What a token in its address opens, whoever asks.
OPENED_BY_ADDRESS = ("/video.mp4", "/thumbnail.jpg")
# Requests that name an object in their body or query; `{…}` is the other project's.
MENTIONS = [
    ("POST", "/threads/OWN_THREAD/runs", {"assistant_id": "{assistant_id}"}),
    ("POST", "/threads/runs", {"assistant_id": "{assistant_id}", "thread": {"messages": []}}),
    ("POST", "/threads", {"tool_resources": {"file_search": {"vector_store_ids": ["{vector_store_id}"]}}}),
    ("POST", "/threads", {"tool_resources": {"code_interpreter": {"file_ids": ["{file_id}"]}}}),
    (
        "POST",
        "/assistants",
        {
            "model": "gpt-4o",
            "tools": [{"type": "file_search"}],
            "tool_resources": {"file_search": {"vector_store_ids": ["{vector_store_id}"]}},
        },
    ),
    (
        "POST",
        "/threads/OWN_THREAD/messages",
        {
            "role": "user",
            "content": "Hello",
            "attachments": [{"file_id": "{file_id}", "tools": [{"type": "file_search"}]}],
        },
    ),
    ("POST", "/vector_stores", {"file_ids": ["{file_id}"]}),
    ("POST", "/vector_stores/OWN_STORE/files", {"file_id": "{file_id}"}),
    ("POST", "/vector_stores/OWN_STORE/file_batches", {"file_ids": ["{file_id}"]}),
    ("POST", "/containers", {"name": "mine", "file_ids": ["{file_id}"]}),
    (
        "POST",
        "/batches",
        {"input_file_id": "{input_id}", "endpoint": "/v1/chat/completions", "completion_window": "24h"},
    ),
    ("GET", "/batches?batch_id={messages batch_id}", None),
    ("POST", "/batches/cancel/{messages batch_id}", None),
    ("GET", "/batches?after={batches batch_id}", None),
    ("GET", "/messages/batches?after_id={messages batch_id}", None),
    ("GET", "/assistants?after={assistant_id}", None),
    ("GET", "/threads?before={thread_id}", None),
    ("GET", "/files?after={file_id}", None),
    ("GET", "/vector_stores?after={vector_store_id}", None),
    ("GET", "/threads/OWN_THREAD/messages?after={message_id}", None),
    ("GET", "/threads/OWN_THREAD/messages/{message_id}", None),
    ("GET", "/threads/OWN_THREAD/runs/{run_id}", None),
    ("POST", "/threads/OWN_THREAD/branch", {"after": "{message_id}"}),
    ("POST", "/conversations/OWN_CONVERSATION/branch", {"after": "{item_id}"}),
    ("GET", "/threads/OWN_THREAD/runs/{run_id}/events", None),
    ("GET", "/vector_stores/OWN_STORE/files/{file_id}", None),
    *(
        ("POST", path, {"model": "rehearsal", "input": "Hello", **named})
        for path in ("/responses", "/responses/input_tokens")
        for named in (
            {"previous_response_id": "{response_id}"},
            {"conversation": "{conversation_id}"},
            {"conversation": {"id": "{conversation_id}"}},
            {"conversation": "{thread as conversation}"},
            {"input": [{"type": "item_reference", "id": "{item_id}"}]},
            {"input": [{"type": "item_reference", "id": "{message_id}"}]},
            {"input": [{"type": "item_reference", "id": "{output_id}"}]},
            {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "{file_id}"}]}]},
            {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "{file_id}"}]}]},
            {"tools": [{"type": "file_search", "vector_store_ids": ["{vector_store_id}"]}]},
            {"tools": [{"type": "file_search", "vector_store_ids": ["OWN_STORE", "{vector_store_id}"]}]},
            {"tools": [{"type": "code_interpreter", "container": "{container_id}"}]},
            {"tools": [{"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["{file_id}"]}}]},
        )
    ),
    ("POST", "/responses/compact", {"model": "rehearsal", "previous_response_id": "{response_id}"}),
    ("POST", "/conversations", {"items": [{"type": "item_reference", "id": "{item_id}"}]}),
    ("POST", "/conversations", {"items": [IMAGE]}),
    ("POST", "/conversations/OWN_CONVERSATION/items", {"items": [IMAGE]}),
    ("POST", "/conversations/OWN_CONVERSATION/items", {"items": [{"type": "item_reference", "id": "{output_id}"}]}),
    ("GET", "/conversations/OWN_CONVERSATION/items/{item_id}", None),
    ("DELETE", "/conversations/OWN_CONVERSATION/items/{item_id}", None),
    ("GET", "/conversations/OWN_CONVERSATION/items?after={item_id}", None),
    ("GET", "/conversations/{thread as conversation}", None),
    ("GET", "/threads/{conversation as thread}/messages", None),
]
LISTS = {
    "listAssistants",
    "listThreads",
    "listFiles",
    "listVectorStores",
    "ListContainers",
    "listBatches",
    "listWebhookEndpoints",
    "listWebhookDeliveries",
}
CHANGING = ("/assistants/", "/threads/", "/files/", "/webhook", "/responses/", "/conversations/")
# What names something of the server's own: models, tools.
SHARED = {"model", "tool_slug", "slug"}


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def tenants(request, session_upstream, tmp_path_factory):
    """The server, and a second project's key."""
    url = {"database": request.getfixturevalue("session_postgres")()} if request.param == "postgres" else {}
    directory = tmp_path_factory.mktemp("tenants")
    server = Server(
        directory, session_upstream.url, sandbox__python=interpreter(), webhooks__allow_private="true", **url
    )
    try:
        server.start()
        server.run("projects", "create", "other")
        yield server, json.loads(server.run("keys", "create", "--project", "other", "--json"))["key"]
        server.stop()
    finally:
        server.kill()


@pytest.fixture(scope="module")
def theirs(tenants, session_upstream):
    """One of everything in the first project: the ids by the names that paths have for them."""
    server, _ = tenants
    ask = asker(server)
    tool = {"type": "function", "function": {"name": "f"}}
    assistant = ask("POST", "/assistants", {"model": "gpt-4o", "tools": [tool]})["id"]
    question = {"role": "user", "content": "their words"}
    thread = ask("POST", "/threads", {"messages": [question]})["id"]
    (message,) = ask("GET", f"/threads/{thread}/messages")["data"]
    session_upstream.always(calls(call("f", call_id="call_a")))
    waiting = ask("POST", f"/threads/{thread}/runs", {"assistant_id": assistant})["id"]
    path = f"/threads/{thread}/runs/{waiting}"
    eventually(lambda: ask("GET", path)["status"] == "requires_action")
    file = upload(server, b"their words", "assistants", "a.txt")["id"]
    store = ask("POST", "/vector_stores", {"name": "theirs"})["id"]
    batch = ask("POST", f"/vector_stores/{store}/file_batches", {"file_ids": [file]})["id"]
    lines = b'{"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "none"}}\n'
    given = upload(server, lines, "batch", "input.jsonl")["id"]
    whole = {"input_file_id": given, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    hook = {"name": "hook", "url": "http://127.0.0.1:9/", "event_types": ["*"]}
    endpoint = ask("POST", "/webhook_endpoints", hook)["id"]
    finished = ask("POST", "/batches", whole)["id"]
    said = {"model": "none", "max_tokens": 9, "messages": [question]}
    messages = ask("POST", "/messages/batches", {"requests": [{"custom_id": "a", "params": said}]})["id"]
    kept = {"model": "rehearsal", "messages": [question], "store": True}
    (delivery, *_) = eventually(lambda: ask("GET", "/webhook_deliveries")["data"])
    conversation = ask("POST", "/conversations", {"items": [question]})["id"]
    (item,) = ask("GET", f"/conversations/{conversation}/items")["data"]
    response = ask("POST", "/responses", {"model": "rehearsal", "input": "their words"})
    size = {"filename": "a.txt", "purpose": "assistants", "bytes": 5, "mime_type": "text/plain"}
    found = {
        "assistant_id": assistant,
        "thread_id": thread,
        "message_id": message["id"],
        "run_id": waiting,
        "step_id": ask("GET", f"{path}/steps")["data"][0]["id"],
        "file_id": file,
        "input_id": given,
        "upload_id": ask("POST", "/uploads", size)["id"],
        "vector_store_id": store,
        "vector_stores batch_id": batch,
        "batches batch_id": finished,
        "messages batch_id": messages,
        "completion_id": ask("POST", "/chat/completions", kept)["id"],
        "/batches/cancel/{batch_id}": messages,
        "webhook_endpoint_id": endpoint,
        "delivery_id": delivery["id"],
        "generation_id": ask("POST", "/luma-ai/generations", {"user_prompt": "Still", "aspect_ratio": "1:1"})["id"],
        "stt generation_id": transcribe(server),
        "video_id": ask("POST", "/videos", {"prompt": "Still"})["id"],
        "prompt_id": ask("POST", "/prompts", {"instructions": "Hi"})["id"],
        "version": "1",
        "conversation_id": conversation,
        "item_id": item["id"],
        "response_id": response["id"],
        "output_id": response["output"][0]["id"],
        "import_id": import_line(server)["id"],
        "export_id": ask("POST", "/exports", {})["id"],
        "deletion_id": ask("POST", "/deletions", {"metadata": {"user": "unknown"}})["id"],
        "thread as conversation": thread.replace("thread_", "conv_"),
        "conversation as thread": conversation.replace("conv_", "thread_"),
    }
    made = server.ask("POST", "/v1/containers", {"name": "theirs", "file_ids": [file]})
    if made.status == 200:  # without a sandbox there are no containers
        container = found["container_id"] = made.json["id"]
        found["containers file_id"] = ask("GET", f"/containers/{container}/files")["data"][0]["id"]
    return found


def import_line(server):
    line = b'{"id": "asst_imported", "object": "assistant", "created_at": 1, "model": "gpt-4o"}\n'
    return send(server, "/v1/imports", file_part(line)).json


@pytest.fixture(scope="module")
def own(tenants):
    """What the second project has, to mention beside what it has not."""
    server, key = tenants
    ask = asker(server)
    return {
        "OWN_ASSISTANT": ask("POST", "/assistants", {"model": "gpt-4o"}, key=key)["id"],
        "OWN_THREAD": ask("POST", "/threads", {"messages": [{"role": "user", "content": "Hi"}]}, key=key)["id"],
        "OWN_CONVERSATION": ask("POST", "/conversations", {}, key=key)["id"],
        "OWN_STORE": ask("POST", "/vector_stores", {}, key=key)["id"],
        "OWN_FILE": upload(server, b"ours", "assistants", "b.txt", key=key)["id"],
    }


def never_was(identifier):
    """An id of the same shape that nobody has."""
    prefix, _, rest = identifier.rpartition("_" if "_" in identifier else "-")
    return f"{prefix}{identifier[len(prefix)]}{'0' * len(rest)}"


def transcribe(server):
    parts = [field("model", "gpt-4o"), file_part(b"RIFF", "a.wav", name="audio")]
    return send(server, "/v1/stt/create", *parts, key=KEY).json["generation_id"]


def identifier_for(path, name, theirs):
    """The id that a path's parameter stands for; one name may stand for several nouns."""
    noun = path.split("/")[1]
    return theirs.get(path) or theirs.get(f"{noun} {name}") or theirs[name]


def named(identifier):
    """As lists name it: a conversation is a thread there."""
    return identifier.replace("conv_", "thread_")


def operations(server):
    document = server.ask("GET", "/openapi.json", key=None).json
    for path, item in document["paths"].items():
        for method, operation in item.items():
            # Administration is of no project, and test_authorization.py tries it with the keys of projects.
            if method != "servers" and not path.startswith(("/organization/", "/projects/", "/file_downloads/")):
                yield method.upper(), path, operation["operationId"]


def answered(server, key, method, path, body):
    """What is answered to one who has that key, without what differs in any two answers."""
    headers = {}
    if isinstance(body, bytes):
        headers = {"Content-Type": "multipart/form-data; boundary=boundary-0123456789"}
    reply = server.ask(method, f"/v1{path}", body, headers, key)
    return reply.status, re.sub("req_[0-9a-f]{32}", "", reply.body.decode(errors="replace"))


def replaced(value, changes):
    text = json.dumps(value)
    for old, new in changes.items():
        text = text.replace(old, new)
    return json.loads(text)


def difference(server, key, method, path, body, ids):
    """How the other's ids and ids that never were are answered; `ids` is by their place in the request."""
    told = []
    for choose in (lambda one: one, never_was):
        changes = {f"{{{name}}}": choose(one) for name, one in ids.items()}
        asked = body if body is None or isinstance(body, bytes) else replaced(body, changes)
        status, text = answered(server, key, method, replaced(path, changes), asked)
        for name, one in ids.items():
            text = text.replace(choose(one), f"{{{name}}}")
        told.append((status, text))
    return told


@pytest.mark.proves("tenants.apart")
def test_operations_return_the_same_404_for_another_projects_object_as_for_an_unknown_id(tenants, theirs, own):
    server, key = tenants
    tried = set()
    for method, path, operation in operations(server):
        names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        if not names or SHARED.issuperset(names) or ("containers" in path and "container_id" not in theirs):
            continue
        body = replaced(BODIES.get(operation, {} if method == "POST" else None), own)
        if operation == "addUploadPart":
            body = form(file_part(b"Hello", name="data"), field("a", "b"))
        ids = {name: identifier_for(path, name, theirs) for name in names}
        foreign, unknown = difference(server, key, method, path, body, ids)
        assert foreign == unknown, operation
        assert foreign[0] == 404, (operation, foreign)
        tried.add(operation)
    assert len(tried) > 40


@pytest.mark.proves("tenants.apart")
@pytest.mark.parametrize(("method", "path", "body"), MENTIONS)
def test_an_object_of_another_project_cannot_be_mentioned(tenants, theirs, own, method, path, body):
    server, key = tenants
    text = path + json.dumps(body)
    if "{container_id}" in text and "container_id" not in theirs:
        pytest.skip("without a sandbox there are no containers")
    ids = {name: one for name, one in theirs.items() if f"{{{name}}}" in text}
    foreign, unknown = difference(server, key, method, replaced(path, own), body and replaced(body, own), ids)
    assert foreign == unknown
    assert 400 <= foreign[0] < 500, foreign


@pytest.mark.proves("tenants.apart")
def test_lists_and_searches_hold_the_own_objects_alone(tenants, theirs, own):
    server, key = tenants
    listed = {}
    for method, path, operation in operations(server):
        if operation in LISTS:
            listed[operation] = answered(server, key, method, path, None)
    assert listed.keys() == LISTS
    for operation, (status, text) in listed.items():
        assert status == 200, operation
        assert {one["id"] for one in json.loads(text)["data"]} <= {named(one) for one in own.values()}, operation
    search = "/v1/threads?q=their+words"
    assert server.ask("GET", search, key=key).json["data"] == []
    found = {one["id"] for one in server.ask("GET", search).json["data"]}
    assert found == {theirs["thread_id"], theirs["conversation as thread"]}


@pytest.mark.proves("tenants.apart")
def test_all_that_was_tried_changed_nothing(tenants, theirs):
    server, key = tenants
    ask = asker(server)
    path = f"/threads/{theirs['thread_id']}"
    run_path = f"{path}/runs/{theirs['run_id']}"
    whole = [path, f"{path}/messages", run_path, f"{run_path}/steps", f"/assistants/{theirs['assistant_id']}"]
    whole += [f"/responses/{theirs['response_id']}", f"/responses/{theirs['response_id']}/input_items"]
    whole += [f"/conversations/{theirs['conversation_id']}", f"/conversations/{theirs['conversation_id']}/items"]
    whole += [f"/files/{theirs['file_id']}", f"/webhook_endpoints/{theirs['webhook_endpoint_id']}"]
    before = [ask("GET", one) for one in whole]
    for method, template, operation in operations(server):
        if method in {"POST", "DELETE"} and template.startswith(CHANGING):
            names = [part[1:-1] for part in template.split("/") if part.startswith("{")]
            if names:
                ids = {f"{{{name}}}": identifier_for(template, name, theirs) for name in names}
                answered(server, key, method, replaced(template, ids), BODIES.get(operation, {}))
    assert [ask("GET", one) for one in whole] == before
    assert ask("GET", run_path)["status"] == "requires_action"


def test_the_first_project_finds_all_of_it(tenants, theirs):
    """Otherwise the comparisons above would compare two unknown ids."""
    server, _ = tenants
    for method, path, operation in operations(server):
        names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        if method == "GET" and names and not SHARED.issuperset(names):
            if ("containers" in path and "container_id" not in theirs) or path.endswith(OPENED_BY_ADDRESS):
                continue
            ids = {f"{{{name}}}": identifier_for(path, name, theirs) for name in names}
            assert answered(server, KEY, method, replaced(path, ids), None)[0] != 404, operation
