"""Stored prompts: created, versioned, made of assistants, and used by responses."""

import re

import openai
import pytest

from e2e.assistants_client import WEATHER, on_both
from envelope import assert_error
from upstream import text

TEMPLATE = {
    "model": "gpt-4o",
    "instructions": "You are {{ who }}.",
    "messages": [{"role": "user", "content": "Tell me of {{topic}}, briefly."}, {"role": "assistant", "content": "OK"}],
    "temperature": 0.5,
}


def create(server, **members):
    answered = server.ask("POST", "/v1/prompts", {**TEMPLATE, **members})
    assert answered.status == 200, answered.body
    return answered.json


def sent(upstream):
    return upstream.requests[-1].body["messages"]


@on_both
def test_a_response_has_the_messages_and_members_of_its_prompt(server, client, upstream):
    made = create(server, name="Pigs")
    assert re.fullmatch("pmpt_[0-9a-f]{30,60}", made["id"])
    assert (made["object"], made["default_version"], made["latest_version"]) == ("prompt", "1", "1")
    variables = {"who": "Terry", "topic": "three pigs"}
    response = client.responses.create(prompt={"id": made["id"], "variables": variables}, input="Go!")
    assert [(one["role"], one["content"]) for one in sent(upstream)] == [
        ("system", "You are Terry."),
        ("user", "Tell me of three pigs, briefly."),
        ("assistant", "OK"),
        ("user", "Go!"),
    ]
    assert upstream.requests[-1].body["temperature"] == 0.5
    shown = response.to_dict()
    assert shown["prompt"] == {"id": made["id"], "variables": variables, "version": "1"}
    assert shown["instructions"][0] == {
        "type": "message",
        "content": [{"type": "input_text", "text": "You are Terry."}],
        "role": "developer",
    }
    assert [one["role"] for one in shown["instructions"]] == ["developer", "user", "assistant"]
    assert (shown["model"], shown["temperature"]) == ("gpt-4o", 0.5)
    again = client.responses.create(model="gpt-4o", previous_response_id=response.id, input="More!")
    assert sent(upstream)[0]["content"] == "Go!"
    assert again.to_dict().get("prompt") is None
    assert client.responses.retrieve(response.id).to_dict()["instructions"] == shown["instructions"]


def test_a_version_is_chosen_and_never_changes(server, client, upstream):
    made = create(server)
    path = f"/v1/prompts/{made['id']}"
    second = server.ask("POST", f"{path}/versions", {"instructions": "Two.", "model": "gpt-4o-mini"}).json
    third = server.ask("POST", f"{path}/versions", {"instructions": "Three.", "make_default": False}).json
    assert [second["version"], third["version"]] == ["2", "3"]
    found = server.ask("GET", path).json
    assert (found["default_version"], found["latest_version"]) == ("2", "3")
    client.responses.create(prompt={"id": made["id"]}, input="Hi")
    assert sent(upstream)[0]["content"] == "Two."
    client.responses.create(prompt={"id": made["id"], "version": "3"}, model="gpt-4o", input="Hi")
    assert sent(upstream)[0]["content"] == "Three."
    listed = server.ask("GET", f"{path}/versions?limit=2").json
    assert ([one["version"] for one in listed["data"]], listed["has_more"]) == (["3", "2"], True)
    rest = server.ask("GET", f"{path}/versions?after={listed['last_id']}").json
    assert [(one["version"], one["variables"]) for one in rest["data"]] == [("1", ["who", "topic"])]
    assert server.ask("GET", f"{path}/versions/1").json["content"] == TEMPLATE
    changed = server.ask("POST", path, {"default_version": "1", "name": "New", "metadata": {"a": "b"}}).json
    assert (changed["default_version"], changed["name"], changed["metadata"]) == ("1", "New", {"a": "b"})
    assert_error(
        server.ask("POST", path, {"default_version": "9"}),
        404,
        f"No version '9' of the prompt with id '{made['id']}' found.",
    )
    listed = server.ask("GET", "/v1/prompts?metadata[a]=b&limit=1").json
    assert [one["id"] for one in listed["data"]] == [made["id"]]
    assert server.ask("DELETE", path).json == {"id": made["id"], "object": "prompt.deleted", "deleted": True}
    assert server.ask("GET", f"{path}/versions/1").status == 404


def test_a_picture_and_members_of_the_request_take_their_places(server, client, upstream):
    made = create(server, instructions=None, messages=[{"role": "user", "content": "See {{picture}} now"}])
    picture = {"type": "input_image", "image_url": "https://example.com/a.png"}
    client.responses.create(
        prompt={"id": made["id"], "variables": {"picture": picture}},
        model="gpt-4o-mini",
        instructions="Be kind.",
        temperature=1.5,
    )
    system, user = sent(upstream)
    assert (system["role"], system["content"]) == ("system", "Be kind.")
    assert [part["type"] for part in user["content"]] == ["text", "image_url", "text"]
    assert (upstream.requests[-1].body["model"], upstream.requests[-1].body["temperature"]) == ("gpt-4o-mini", 1.5)


def test_an_assistant_becomes_a_prompt(server, client, upstream):
    store = client.vector_stores.create()
    assistant = client.beta.assistants.create(
        model="gpt-4o",
        name="Helper",
        instructions="Help {{name}}.",
        tools=[WEATHER, {"type": "file_search"}],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
        temperature=0.2,
        response_format={"type": "json_object"},
    )
    made = server.ask("POST", "/v1/prompts", {"assistant_id": assistant.id}).json
    assert made["name"] == "Helper"
    content = server.ask("GET", f"/v1/prompts/{made['id']}/versions/1").json["content"]
    assert [tool["type"] for tool in content["tools"]] == ["function", "file_search"]
    upstream.answer(text('{"a": 1}'))
    response = client.responses.create(prompt={"id": made["id"], "variables": {"name": "Ada"}}, input="Hi, as JSON")
    assert sent(upstream)[0]["content"] == "Help Ada."
    assert upstream.requests[-1].body["response_format"] == {"type": "json_object"}
    assert [tool.type for tool in response.tools] == ["function", "file_search"]
    assert response.tools[1].vector_store_ids == [store.id]


@pytest.mark.parametrize(
    ("prompt", "status", "message"),
    [
        ({"variables": {"who": "A"}}, 400, "Missing prompt variables: topic"),
        ({"variables": {"who": "A", "topic": "B", "more": "C"}}, 400, "Unknown prompt variables: more"),
        ({"version": "7", "variables": {}}, 404, "No version '7' of the prompt"),
        ({"version": "x" * 100}, 404, "No version"),
        ({"variables": {"who": "A", "topic": {"type": "input_file", "file_id": "file-none"}}}, 404, "file-none"),
        ({"variables": {"who": "A", "topic": {"type": "nothing"}}}, 400, "nothing"),
        ({"variables": {"who": 5, "topic": "A"}}, 400, "prompt.variables"),
        ({"version": "01", "variables": {}}, 404, "No version '01' of the prompt"),
        ({"version": "\uff11", "variables": {}}, 404, "No version '\uff11' of the prompt"),
        ({"variables": {"who": "A", "topic": {"type": "input_text"}}}, 400, "'prompt.variables.topic.text'"),
        ({"variables": {"who": "A", "topic": {"type": "input_text", "text": 5}}}, 400, "'prompt.variables.topic.text'"),
        ({"variables": {"who": "A", "topic": {"type": "refusal", "refusal": "B"}}}, 400, "'refusal'"),
        (
            {"variables": {"who": "A", "topic": {"type": "input_image", "image_url": "http://127.0.0.1/"}}},
            400,
            "Invalid 'prompt.variables': 'http://127.0.0.1/'",
        ),
    ],
)
def test_an_unusable_reference_is_refused(server, prompt, status, message):
    made = create(server)
    answered = server.ask("POST", "/v1/responses", {"prompt": {"id": made["id"], **prompt}, "input": "Hi"})
    assert answered.status in {status, 400}, answered.body
    assert message in answered.json["error"]["message"]
    assert (answered.json["error"]["param"] or "prompt.variables").startswith("prompt.variables")


def test_versions_are_paged_after_those_that_exist(server):
    path = f"/v1/prompts/{create(server)['id']}/versions"
    for number in range(2):
        server.ask("POST", path, {"instructions": f"Version {number + 2}"})
    page = server.ask("GET", f"{path}?limit=1&after=3").json
    assert ([one["version"] for one in page["data"]], page["has_more"]) == (["2"], True)
    refused = server.ask("GET", f"{path}?after=4")
    assert (refused.status, refused.json["error"]["param"]) == (400, "after")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "A prompt needs content"),
        ({"instructions": 5}, "instructions"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"assistant_id": "asst_none"}, "asst_none"),
        (
            {
                "tools": [
                    {
                        "type": "mcp",
                        "server_label": "a",
                        "server_url": "https://a.example",
                        "headers": {"key": "secret"},
                    }
                ]
            },
            "stores no secrets",
        ),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_an_invalid_prompt_is_refused(server, body, message):
    answered = server.ask("POST", "/v1/prompts", body)
    assert answered.status in {400, 404}
    assert message in answered.json["error"]["message"]


def test_variables_cannot_multiply_beyond_the_limit_of_an_input(server):
    made = create(server, instructions="{{a}}" * 2000, messages=None)
    body = {"prompt": {"id": made["id"], "variables": {"a": "b" * 10_000}}, "input": "Hi"}
    answered = server.ask("POST", "/v1/responses", body)
    assert answered.status == 400
    assert "maximum length 10485760" in answered.json["error"]["message"]


def test_pictures_of_variables_have_a_limit_of_their_own(server):
    made = create(server, instructions="{{a}}" * 501, messages=None)
    picture = {"type": "input_image", "image_url": "https://example.com/a.png"}
    answered = server.ask("POST", "/v1/responses", {"prompt": {"id": made["id"], "variables": {"a": picture}}})
    assert_error(
        answered,
        400,
        "Invalid 'prompt.variables': array too long. Expected an array with maximum length 500, but got an array with"
        " length 501 instead.",
        param="prompt.variables",
        code="array_above_max_length",
    )


def test_an_unknown_prompt_is_not_found(client):
    with pytest.raises(openai.NotFoundError) as refused:
        client.responses.create(prompt={"id": "pmpt_" + "0" * 48}, input="Hi")
    assert_error(refused.value, 404, f"No prompt found with id 'pmpt_{'0' * 48}'.")


def test_a_streamed_response_has_its_prompt(client):
    with client.responses.stream(model="gpt-4o", input="Hi") as plain:
        assert plain.get_final_response().to_dict().get("prompt") is None
