"""Assistants: creation, partial updates and deletion."""

import re
import time

import openai
import pytest

from e2e.assistants_client import WEATHER, on_both
from envelope import assert_error

KEYS = [
    "id",
    "object",
    "created_at",
    "name",
    "description",
    "model",
    "instructions",
    "tools",
    "top_p",
    "temperature",
    "reasoning_effort",
    "tool_resources",
    "metadata",
    "response_format",
]
SCHEMA = {"name": "answer", "schema": {"type": "object", "properties": {"n": {"type": "integer"}}}, "strict": True}
FULL = {
    "model": "gpt-4o-mini",
    "name": "Ada",
    "description": "Answers",
    "instructions": "Be brief. Ünïcödé 🚀",
    "tools": [WEATHER],
    "top_p": 0.5,
    "temperature": 0.25,
    "reasoning_effort": "low",
    "metadata": {"team": "blue", "näme": "🙂"},
    "response_format": {"type": "json_schema", "json_schema": SCHEMA},
}
CHANGES = {
    "model": "gpt-4o",
    "name": "Grace",
    "description": "Other",
    "instructions": "Be long.",
    "tools": [],
    "top_p": 1.0,
    "temperature": 0.0,
    "reasoning_effort": "high",
    "metadata": {"other": "1"},
    "response_format": {"type": "json_object"},
}
DEFAULTS = {
    "name": None,
    "description": None,
    "instructions": None,
    "tools": [],
    "top_p": 1.0,
    "temperature": 1.0,
    "reasoning_effort": None,
    "metadata": {},
    "response_format": "auto",
}


def create(server, **members):
    reply = server.ask("POST", "/v1/assistants", {"model": "gpt-4o", **members})
    assert reply.status == 200, reply.body
    return reply.json


@on_both
def test_a_new_assistant_returns_every_default_in_the_usual_order(server):
    before = int(time.time())
    made = create(server)
    assert list(made) == KEYS
    assert made["id"].startswith("asst_")
    assert len(made["id"]) == len("asst_") + 24
    assert before <= made["created_at"] <= time.time()
    rest = {name: made[name] for name in KEYS[3:]}
    assert rest == {**DEFAULTS, "model": "gpt-4o", "tool_resources": {}}


@on_both
def test_every_parameter_is_echoed_and_stored(server):
    made = create(server, **FULL)
    assert {name: made[name] for name in FULL} == FULL
    assert server.ask("GET", f"/v1/assistants/{made['id']}").json == made


def test_explicit_nulls_mean_the_defaults(server):
    made = create(server, **dict.fromkeys(DEFAULTS), tool_resources=None)
    assert {name: made[name] for name in DEFAULTS} == DEFAULTS
    assert made["tool_resources"] == {}


@pytest.mark.parametrize("function", [{"name": "f"}, {"name": "f", "parameters": None, "strict": None}])
def test_a_function_is_completed_in_its_echo(server, function):
    made = create(server, tools=[{"type": "function", "function": function}])
    (tool,) = made["tools"]
    assert tool["function"]["parameters"] == {"type": "object", "properties": {}}
    assert tool["function"]["strict"] is False


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_one_member_leaves_all_others(server, name):
    made = create(server, **FULL)
    changed = server.ask("POST", f"/v1/assistants/{made['id']}", {name: CHANGES[name]}).json
    assert changed == {**made, name: CHANGES[name]}
    assert list(changed) == KEYS
    assert server.ask("GET", f"/v1/assistants/{made['id']}").json == changed


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_member_that_is_set_to_null_returns_to_its_default(server, name):
    made = create(server, **FULL)
    changed = server.ask("POST", f"/v1/assistants/{made['id']}", {name: None}).json
    assert changed == {**made, name: DEFAULTS[name]}


def test_an_empty_change_changes_nothing(server):
    made = create(server, **FULL)
    assert server.ask("POST", f"/v1/assistants/{made['id']}", {}).json == made


def test_tool_resources_are_replaced_tool_by_tool(server, client):
    store = client.vector_stores.create()
    file = client.files.create(file=("a.txt", b"text"), purpose="assistants")
    tools = [{"type": "code_interpreter"}, {"type": "file_search"}]
    made = create(server, tools=tools, tool_resources={"file_search": {"vector_store_ids": [store.id]}})
    assert made["tool_resources"] == {
        "code_interpreter": {"file_ids": []},
        "file_search": {"vector_store_ids": [store.id]},
    }
    change = {"tool_resources": {"code_interpreter": {"file_ids": [file.id]}}}
    changed = server.ask("POST", f"/v1/assistants/{made['id']}", change).json
    assert changed["tool_resources"] == {
        "code_interpreter": {"file_ids": [file.id]},
        "file_search": {"vector_store_ids": [store.id]},
    }


@on_both
def test_a_deleted_assistant_is_not_found_and_not_listed(client):
    made = client.beta.assistants.create(model="gpt-4o")
    deleted = client.beta.assistants.delete(made.id)
    assert deleted.to_dict() == {"id": made.id, "object": "assistant.deleted", "deleted": True}
    for attempt in (client.beta.assistants.retrieve, client.beta.assistants.update, client.beta.assistants.delete):
        with pytest.raises(openai.NotFoundError) as caught:
            attempt(made.id)
        assert_error(caught.value, 404, f"No assistant found with id '{made.id}'.")
    assert made.id not in [one.id for one in client.beta.assistants.list(limit=100).data]


def test_a_run_with_a_deleted_assistant_is_not_found(client, thread):
    made = client.beta.assistants.create(model="gpt-4o")
    client.beta.assistants.delete(made.id)
    with pytest.raises(openai.NotFoundError) as caught:
        client.beta.threads.runs.create(thread.id, assistant_id=made.id)
    assert_error(caught.value, 404, f"No assistant found with id '{made.id}'.")


def test_an_unknown_model_is_refused_when_it_is_named(client, assistant):
    message = re.compile(r"The requested model 'gpt-9' does not exist\. Models of this server: 'gpt-4o', .+\.")
    for attempt in (
        lambda: client.beta.assistants.create(model="gpt-9"),
        lambda: client.beta.assistants.update(assistant.id, model="gpt-9"),
    ):
        with pytest.raises(openai.BadRequestError) as caught:
            attempt()
        assert_error(caught.value, 400, message, "model", "model_not_found")
