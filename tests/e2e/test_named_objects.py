"""Nulls, ids and names that requests of the Assistants API carry: what counts as absent, and what is refused."""

import json

import pytest

from e2e.billing import new_key
from e2e.uploads import upload
from envelope import assert_error
from waiting import eventually

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f645"
    "400000000049454e44ae426082"
)
UUID = "31abac64-545c-4c30-ba06-2a7ae1b987bf"


def image(file_id, **members):
    return {"type": "image_file", "image_file": {"file_id": file_id, **members}}


def message(*parts, **members):
    return {"role": "user", "content": list(parts) or "Hi", **members}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/assistants", {"model": "gpt-4o", "tool_resources": {"code_interpreter": None, "file_search": None}}),
        (
            "/v1/assistants",
            {"model": "gpt-4o", "tools": [{"type": "file_search", "file_search": {"max_num_results": None}}]},
        ),
        ("/v1/threads", {"tool_resources": {"file_search": None}}),
        ("/v1/threads", {"tool_resources": {"file_search": {"vector_store_ids": None, "vector_stores": None}}}),
        ("/v1/threads", {"messages": [message(attachments=[{"file_id": None, "tools": None}])]}),
        ("/v1/vector_stores", {"expires_after": None, "file_ids": None}),
    ],
)
def test_null_means_absent_wherever_a_member_may_be_absent(server, path, body):
    assert server.ask("POST", path, body).status == 200


def test_null_in_an_update_leaves_the_member_unchanged(server):
    assistant = server.ask("POST", "/v1/assistants", {"model": "gpt-4o", "tools": [{"type": "code_interpreter"}]}).json
    changed = server.ask(
        "POST", f"/v1/assistants/{assistant['id']}", {"model": None, "tool_resources": {"code_interpreter": None}}
    )
    assert (changed.status, changed.json) == (200, assistant)


def test_null_for_a_required_member_is_refused_by_name(server):
    refused = server.ask("POST", "/v1/assistants", {"model": None})
    text_ = "Invalid type for 'model': expected a string, but got null instead."
    assert_error(refused, 400, text_, "model", "invalid_type")


@pytest.mark.parametrize("file_id", ["file-1", "file_1", "assistant-1"])
def test_each_spelling_of_a_file_id_is_looked_up(server, thread, file_id):
    body = message(attachments=[{"file_id": file_id, "tools": [{"type": "code_interpreter"}]}])
    refused = server.ask("POST", f"/v1/threads/{thread.id}/messages", body)
    assert_error(refused, 404, f"No such File object: {file_id}", "attachments")


ATTACHED = message(attachments=[{"file_id": UUID, "tools": [{"type": "file_search"}]}])


@pytest.mark.parametrize(
    ("path", "body", "param", "prefix"),
    [
        ("/v1/threads", {"messages": [message(), ATTACHED]}, "messages[1].attachments[0].file_id", "file"),
        ("/v1/threads/{thread}/messages", ATTACHED, "attachments[0].file_id", "file"),
        ("/v1/threads/{thread}/messages", message(image(UUID)), "content[0].image_file.file_id", "file"),
        (
            "/v1/threads/runs",
            {"assistant_id": "{assistant}", "thread": {"messages": [message(image(UUID))]}},
            "thread.messages[0].content[0].image_file.file_id",
            "file",
        ),
        (
            "/v1/threads/{thread}/runs",
            {"assistant_id": "{assistant}", "additional_messages": [ATTACHED]},
            "additional_messages[0].attachments[0].file_id",
            "file",
        ),
        (
            "/v1/threads",
            {"tool_resources": {"code_interpreter": {"file_ids": [UUID]}}},
            "tool_resources.code_interpreter.file_ids[0]",
            "file",
        ),
        (
            "/v1/assistants",
            {"model": "gpt-4o", "tool_resources": {"file_search": {"vector_store_ids": [UUID]}}},
            "tool_resources.file_search.vector_store_ids[0]",
            "vs",
        ),
        (
            "/v1/threads",
            {"tool_resources": {"file_search": {"vector_stores": [{"file_ids": [UUID]}]}}},
            "tool_resources.file_search.vector_stores[0].file_ids[0]",
            "file",
        ),
        ("/v1/vector_stores", {"file_ids": [UUID]}, "file_ids[0]", "file"),
        ("/v1/vector_stores/{store}/files", {"file_id": UUID}, "file_id", "file"),
        ("/v1/vector_stores/{store}/file_batches", {"file_ids": ["file-1", UUID]}, "file_ids[1]", "file"),
        ("/v1/vector_stores/{store}/file_batches", {"files": [{"file_id": UUID}]}, "files[0].file_id", "file"),
        (
            "/v1/batches",
            {"input_file_id": UUID, "endpoint": "/v1/responses", "completion_window": "24h"},
            "input_file_id",
            "file",
        ),
        ("/v1/containers", {"name": "c", "file_ids": [UUID]}, "file_ids[0]", "file"),
    ],
)
def test_a_body_with_an_id_of_the_wrong_shape_is_refused_by_its_path(
    server, thread, assistant, store, path, body, param, prefix
):
    ids = {"{thread}": thread.id, "{assistant}": assistant.id, "{store}": store}
    reply = server.ask("POST", filled(path, ids), filled(body, ids))
    expected = f"Invalid '{param}': '{UUID}'. Expected an ID that begins with '{prefix}'."
    assert_error(reply, 400, expected, param, "invalid_value")


@pytest.fixture
def store(client):
    return client.vector_stores.create().id


def filled(value, ids):
    match value:
        case dict():
            return {name: filled(item, ids) for name, item in value.items()}
        case list():
            return [filled(item, ids) for item in value]
        case str():
            for name, one in ids.items():
                value = value.replace(name, one)
    return value


def test_an_image_of_this_project_is_returned_as_it_was_sent(server, thread):
    file_id = upload(server, PNG, "vision", "dot.png")["id"]
    made = server.ask("POST", f"/v1/threads/{thread.id}/messages", message(image(file_id, detail="low")))
    assert (made.status, made.json["content"]) == (200, [image(file_id, detail="low")])


def test_an_unknown_image_is_not_found_and_leaves_no_thread(server):
    before = server.ask("GET", "/v1/threads?limit=1").json["data"]
    refused = server.ask("POST", "/v1/threads", {"messages": [message(image("file-doesnotexist"))]})
    param = "messages[0].content[0].image_file.file_id"
    assert_error(refused, 404, "No such File object: file-doesnotexist", param)
    assert server.ask("GET", "/v1/threads?limit=1").json["data"] == before


def test_an_image_of_another_project_is_not_found(server, thread):
    project = new_project(server)
    file_id = upload(server, PNG, "vision", "dot.png", key=new_key(server, "--project", project)["key"])["id"]
    refused = server.ask("POST", f"/v1/threads/{thread.id}/messages", message(image(file_id)))
    assert_error(refused, 404, f"No such File object: {file_id}", "content[0].image_file.file_id")


def test_an_image_part_that_is_not_an_image_is_refused(server, thread):
    file_id = upload(server, b"%PDF-1.4 no image", "vision", "photo.png")["id"]
    refused = server.ask("POST", f"/v1/threads/{thread.id}/messages", message(image(file_id)))
    text_ = (
        f"Invalid 'content[0].image_file.file_id': file '{file_id}' is not an image. Supported are PNG, JPEG, GIF and"
        " WebP of at most 20 MB."
    )
    assert_error(refused, 400, text_, "content[0].image_file.file_id", "invalid_image_format")


def new_project(server):
    return json.loads(server.run("projects", "create", "pictures", "--json"))["id"]


WEATHER = {"type": "function", "function": {"name": "weather"}}


@pytest.mark.parametrize(
    ("tools", "choice", "name"),
    [
        ([WEATHER], {"type": "function", "function": {"name": "time"}}, "time"),
        ([], {"type": "function", "function": {"name": "weather"}}, "weather"),
        ([WEATHER], {"type": "file_search"}, "file_search"),
        ([{"type": "file_search"}], {"type": "code_interpreter"}, "code_interpreter"),
    ],
)
def test_a_tool_choice_of_a_tool_that_is_not_offered_is_refused(server, assistant, thread, tools, choice, name):
    body = {"assistant_id": assistant.id, "tools": tools, "tool_choice": choice}
    for path in (f"/v1/threads/{thread.id}/runs", "/v1/threads/runs"):
        refused = server.ask("POST", path, body)
        assert_error(
            refused, 400, f"Tool choice '{name}' not found in 'tools' parameter.", "tool_choice", "invalid_value"
        )


def test_a_run_takes_tool_resources_of_its_own(server, client, assistant, thread, store):
    body = {"assistant_id": assistant.id, "tool_resources": {"file_search": {"vector_store_ids": [store]}}}
    run = server.ask("POST", f"/v1/threads/{thread.id}/runs", body).json
    eventually(lambda: server.ask("GET", f"/v1/threads/{thread.id}/runs/{run['id']}").json["status"] == "completed")
    body["tool_resources"] = {"file_search": {"vector_store_ids": ["vs_none"]}}
    refused = server.ask("POST", f"/v1/threads/{thread.id}/runs", body)
    assert_error(
        refused, 404, "No vector store found with id 'vs_none'.", "tool_resources.file_search.vector_store_ids"
    )


def file_part(file_id):
    return [{"role": "user", "content": [{"type": "input_file", "file_id": file_id}]}]


@pytest.mark.proves("ids.wrong_shape")
@pytest.mark.parametrize(
    ("path", "body", "param", "prefix"),
    [
        ("/responses", {"input": file_part("wrong")}, "input[0].content[0].file_id", "file"),
        (
            "/responses",
            {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "wrong"}]}]},
            "input[0].content[0].file_id",
            "file",
        ),
        (
            "/responses",
            {"input": "Hi", "tools": [{"type": "file_search", "vector_store_ids": ["vs_1", "wrong"]}]},
            "tools[0].vector_store_ids[1]",
            "vs",
        ),
        ("/responses/input_tokens", {"input": file_part("wrong")}, "input[0].content[0].file_id", "file"),
        ("/conversations", {"items": file_part("wrong")}, "items[0].content[0].file_id", "file"),
        (
            "/chat/completions",
            {"messages": [message({"type": "file", "file": {"file_id": "wrong"}})]},
            "messages[0].content[0].file.file_id",
            "file",
        ),
    ],
)
def test_an_id_of_a_wrong_shape_is_refused_by_its_path_in_every_dialect(server, upstream, path, body, param, prefix):
    model = {} if path == "/conversations" else {"model": "gpt-4o"}
    reply = server.ask("POST", f"/v1{path}", {**model, **body})
    text_ = f"Invalid '{param}': 'wrong'. Expected an ID that begins with '{prefix}'."
    assert_error(reply, 400, text_, param, "invalid_value")
    assert upstream.requests == []
