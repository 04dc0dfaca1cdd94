"""docs/reference/responses.md is true: each of its rows is sent, and no member, tool, choice or item of the code is missing there."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pytest

from mcp_server import McpProcess
from serving import Server, serve
from understudy.wire import input_parsing
from understudy.wire.input_items import InputContent
from understudy.wire.response_tool_choices import ToolChoice
from understudy.wire.response_tools import HostedTool, ResponseTool, type_of
from understudy.wire.responses import CompactRequest, CountTokensRequest, CreateResponseRequest, Included
from upstream import echo

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "responses.md"
PATHS = {"create": "/responses", "count": "/responses/input_tokens", "compact": "/responses/compact"}
REQUESTS = {"create": CreateResponseRequest, "count": CountTokensRequest, "compact": CompactRequest}
BASE = {"model": "gpt-4o", "input": "Hello"}
SCHEMA = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}


@dataclass(frozen=True)
class Row:
    table: str
    cells: tuple[str, ...]

    @property
    def name(self):
        return self.cells[0]

    @property
    def decision(self):
        return self.cells[-2]

    @property
    def example(self):
        return self.cells[-3]


def rows():
    table, found = "", []
    for line in PAGE.read_text().splitlines():
        if line.startswith("## "):
            table = line.removeprefix("## ")
        elif re.match(r"\| `", line):
            cells = tuple(cell.strip().strip("`") for cell in line.strip("|").split(" | "))
            found.append(Row(table, cells))
    return found


ROWS = rows()


def of(table, *decisions):
    return [row for row in ROWS if row.table == table and (not decisions or row.decision in decisions)]


def named(row):
    return " ".join(row.cells[:2])[:60]


@pytest.fixture(scope="module")
def tools_server(tmp_path_factory):
    with McpProcess(tmp_path_factory.mktemp("mcp")) as running:
        yield running


@pytest.fixture(scope="module")
def table_server(session_upstream, tmp_path_factory, tools_server):
    yield from serve(
        Server(
            tmp_path_factory.mktemp("server"),
            session_upstream.url,
            mcp__allowed=tools_server.url,
            web_search__provider="searxng",
            web_search__url="http://127.0.0.1:9",
            responses__image_model="gpt-4o",
        )
    )


@pytest.fixture(scope="module")
def objects(table_server, tools_server, session_upstream):
    """What the examples name in capitals; made before the first test gives the upstream its default answer."""
    session_upstream.always(echo)
    client = table_server.client
    made = client.responses.create(model="gpt-4o", input="Hi")
    return {
        "RESPONSE": made.id,
        "ITEM": made.output[0].id,
        "CONVERSATION": client.conversations.create().id,
        "STORE": client.vector_stores.create().id,
        "PROMPT": client.post("/prompts", body={"instructions": "Be brief."}, cast_to=object)["id"],
        "SERVER": tools_server.url,
        "SEALED": client.responses.compact(model="gpt-4o", input="Hi").output[-1].encrypted_content,
    }


@pytest.fixture
def send(table_server, objects, upstream):
    upstream.requests.clear()

    def post(path, body):
        text = json.dumps(body)
        for name, value in objects.items():
            text = text.replace(f'"{name}"', json.dumps(value))
        return table_server.ask("POST", path, json.loads(text))

    return post


def check(reply, row, param):
    """That the row is right: whether the request was answered, and what is at fault where it was not."""
    if row.decision in {"served", "ignored"}:
        assert reply.status == 200, reply.body
        return
    assert row.decision == "refused"
    assert reply.status == 400, reply.body
    assert reply.json["error"]["param"].startswith(param)


# -- what the rows say -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", of("Members"), ids=named)
def test_a_member_of_requests_is_served_ignored_or_refused_as_documented(row, send, upstream):
    member, places, example = row.cells[:3]
    for place in places.split(", "):
        body = {**BASE, member: json.loads(example)}
        check(send(PATHS[place], body), row, member)
        if place == "create" and row.decision == "ignored":
            asked = upstream.requests[-1].body
            assert send(PATHS[place], BASE).status == 200
            assert upstream.requests[-1].body == asked


@pytest.mark.parametrize("row", [row for row in of("Tools") if row.example.startswith("{")], ids=named)
def test_a_tool_is_served_ignored_or_refused_as_documented(row, send, upstream):
    tool = json.loads(row.example)
    reply = send("/responses", {**BASE, "tools": [tool]})
    if row.name == "code_interpreter" and row.decision != "refused" and reply.status == 400:
        assert reply.json["error"]["code"] == "unsupported_tool"  # no sandbox on this machine
        return
    check(reply, row, "tools[0]")
    member = row.cells[1]
    if row.decision == "ignored" and member in tool:
        asked = upstream.requests[-1].body
        plain = {name: value for name, value in tool.items() if name != member}
        assert send("/responses", {**BASE, "tools": [plain]}).status == 200
        assert upstream.requests[-1].body == asked


OFFERED = {
    "function": {"type": "function", "name": "f"},
    "custom": {"type": "custom", "name": "c"},
    "file_search": {"type": "file_search", "vector_store_ids": ["STORE"]},
    "mcp": {"type": "mcp", "server_label": "docs", "server_url": "SERVER"},
    "apply_patch": {"type": "apply_patch"},
    "shell": {"type": "shell"},
    "local_shell": {"type": "local_shell"},
    "tool_search": {"type": "tool_search", "execution": "client", "parameters": SCHEMA},
    "web_search": {"type": "web_search"},
    "image_generation": {"type": "image_generation"},
    "computer": {"type": "computer"},
    "computer_use_preview": {
        "type": "computer_use_preview",
        "environment": "browser",
        "display_width": 800,
        "display_height": 600,
    },
}


@pytest.mark.parametrize("row", of("Tool choices"), ids=named)
def test_a_tool_choice_is_served_or_refused_as_documented(row, send):
    choice = json.loads(row.example if row.example.startswith("{") else json.dumps(row.example.strip('"')))
    if row.name == "code_interpreter":
        tools = [{"type": "code_interpreter", "container": {"type": "auto"}}]
    else:
        tools = [tool for tool in OFFERED.values() if tool["type"] != "computer" or row.name == "computer"]
    reply = send("/responses", {**BASE, "tools": tools, "tool_choice": choice})
    if row.name == "code_interpreter" and reply.status == 400:
        assert reply.json["error"]["code"] == "unsupported_tool"  # no sandbox on this machine
        return
    check(reply, row, "tool_choice")
    if row.decision == "served" and isinstance(choice, dict):
        unoffered = send("/responses", {**BASE, "tools": [{"type": "function", "name": "g"}], "tool_choice": choice})
        assert unoffered.status == 400
        assert unoffered.json["error"]["param"].startswith("tool_choice")


@pytest.mark.proves("responses.decisions")
@pytest.mark.parametrize("row", of("Items"), ids=named)
def test_an_item_is_served_ignored_or_refused_as_documented(row, send, upstream, table_server):
    items, question = json.loads(row.example), {"role": "user", "content": "Go on"}
    body = {**BASE, "input": items if row.name == "compaction_trigger" else [question, *items]}
    check(send("/responses", body), row, "input")
    if row.decision == "ignored":
        assert [one["content"] for one in upstream.requests[-1].body["messages"]] == ["Go on"]
    if row.name in {"compaction_trigger", "mcp_approval_request", "mcp_approval_response"}:
        return
    conversation = table_server.client.conversations.create()
    check(send(f"/conversations/{conversation.id}/items", {"items": items}), row, "items")


@pytest.mark.parametrize("row", of("Content parts"), ids=named)
def test_a_part_of_a_message_is_served_or_refused_as_documented(row, send):
    role = "assistant" if row.name in {"output_text", "refusal"} else "user"
    message = {"role": role, "content": [json.loads(row.example)]}
    check(
        send("/responses", {**BASE, "input": [message, {"role": "user", "content": "Hi"}]}), row, "input[0].content[0]"
    )


@pytest.mark.parametrize("row", of("Include"), ids=named)
def test_an_include_is_served_ignored_or_refused_as_documented(row, send):
    check(send("/responses", {**BASE, "include": [row.name]}), row, "include")


# -- that none is missing ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", PATHS)
def test_every_member_of_a_request_has_a_row(place):
    told = {row.name for row in of("Members") if place in row.cells[1].split(", ")}
    assert told == set(REQUESTS[place].__struct_fields__)


def test_every_tool_and_every_member_of_those_that_are_not_the_vendors_has_a_row():
    told = {(row.name, row.cells[1]) for row in of("Tools")}
    assert {name for name, _ in told} == {type_of(kind) for kind in get_args(ResponseTool)}
    for kind in set(get_args(ResponseTool)) - set(get_args(HostedTool)):
        members = {(type_of(kind), member) for member in kind.__struct_fields__}
        assert members <= told, kind


def test_every_tool_choice_has_a_row():
    kinds = {type_of(kind) for kind in get_args(ToolChoice) if hasattr(kind, "__struct_config__")}
    assert {row.name for row in of("Tool choices")} == {*kinds, "none", "auto", "required"}


def test_every_item_part_and_value_of_include_has_a_row():
    assert {row.name for row in of("Items")} == set(input_parsing.TYPES)
    parts = {type_of(kind) for kind in get_args(InputContent)}
    assert parts <= {row.name for row in of("Content parts")}
    assert {row.name for row in of("Include")} == set(get_args(Included))
