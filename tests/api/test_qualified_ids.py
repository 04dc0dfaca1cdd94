"""The ids of imported objects in requests and responses, at every place where a request names an object."""

import json
from typing import Any

import pytest

from understudy.api.qualified_ids import qualify, qualify_body, strip_ids
from understudy.store.qualified_ids import qualifier

PROJECT = "proj_a"
SUFFIX = qualifier(PROJECT)
IMPORTED = {"thread_x", "conv_x", "asst_x", "file-x", "vs_x", "msg_x", "run_x"}


class Stored:
    """Finds the imported ones of any ids, as the store does."""

    async def find(self, project_id: str, ids: Any) -> dict[str, str]:
        assert project_id == PROJECT
        return {one: one + SUFFIX for one in ids if one in IMPORTED}


async def pass_through(
    path: str = "/", query: str = "", body: Any = None, answer: bytes = b"{}", content_type: bytes = b"application/json"
) -> tuple[dict[str, Any], Any, list[dict[str, Any]]]:
    """The scope and the body that a handler receives, and the messages that the client receives of its `answer`."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    encoded = b"" if body is None else json.dumps(body).encode()
    parts = iter([encoded[:7], encoded[7:]])

    async def receive() -> Any:
        part = next(parts, None)
        return {"type": "http.request", "body": part, "more_body": part == encoded[:7] and part != encoded}

    scope: dict[str, Any] = {
        "method": "POST",
        "path": path,
        "query_string": query.encode(),
        "state": {"fields": {}, "send": send},
    }
    receive, respond = await qualify(Stored(), PROJECT, scope, receive, send, 1 << 20)
    received = b""
    more = True
    while more:
        message = await receive()
        received += message["body"]
        more = message.get("more_body", False)
    headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(answer))]
    await respond({"type": "http.response.start", "status": 200, "headers": headers})
    await respond({"type": "http.response.body", "body": answer})
    return scope, json.loads(received) if received else None, sent


async def test_ids_of_the_path_and_the_query_are_qualified():
    scope, _, _ = await pass_through("/threads/thread_x/runs/run_y/steps", "after=msg_x&limit=2&q=msg_x&before=msg_y")
    assert scope["path"] == f"/threads/thread_x{SUFFIX}/runs/run_y/steps"
    assert scope["query_string"].decode() == f"after=msg_x%40{SUFFIX[1:]}&limit=2&q=msg_x&before=msg_y"


@pytest.mark.parametrize(
    ("body", "qualified"),
    [
        ({"assistant_id": "asst_x", "model": "m"}, {"assistant_id": f"asst_x{SUFFIX}", "model": "m"}),
        ({"conversation": {"id": "conv_x"}}, {"conversation": {"id": f"conv_x{SUFFIX}"}}),
        ({"conversation": "conv_x"}, {"conversation": f"conv_x{SUFFIX}"}),
        (
            {"tool_resources": {"file_search": {"vector_store_ids": ["vs_x", "vs_y"]}}},
            {"tool_resources": {"file_search": {"vector_store_ids": [f"vs_x{SUFFIX}", "vs_y"]}}},
        ),
        ({"content": [{"image_file": {"file_id": "file-x"}}]}, {"content": [{"image_file": {"file_id": f"file-x{SUFFIX}"}}]}),
        ({"input": [{"type": "item_reference", "id": "msg_x"}]}, {"input": [{"type": "item_reference", "id": f"msg_x{SUFFIX}"}]}),
    ],
)  # fmt: skip
async def test_ids_in_the_members_of_a_body_are_qualified(body, qualified):
    assert (await pass_through(body=body))[1] == qualified
    # A line of a batch has a body alone.
    line = await qualify_body(Stored(), PROJECT, json.dumps(body).encode())
    assert json.loads(line) == qualified
    assert json.loads(strip_ids(PROJECT, line)) == body


@pytest.mark.parametrize(
    "body",
    [
        {"content": "thread_x"},
        {"metadata": {"thread_id": "thread_x"}},
        {"tool_outputs": [{"tool_call_id": "call_x", "output": "thread_x"}]},
        {"assistant_id": "asst_y"},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "asst_x"}]}]},
    ],
)
async def test_texts_of_a_client_stay_as_they_are(body):
    assert (await pass_through(body=body))[1] == body


@pytest.mark.parametrize("content_type", [b"application/json", b"text/event-stream; charset=utf-8"])
async def test_a_response_has_plain_ids_and_its_own_length(content_type):
    answer = json.dumps({"id": f"thread_x{SUFFIX}"}).encode()
    _, _, (start, body) = await pass_through(answer=answer, content_type=content_type)
    assert body["body"] == b'{"id": "thread_x"}'
    assert dict(start["headers"])[b"content-length"] == b"18"


async def test_the_bytes_of_a_file_are_not_touched():
    _, _, (_, body) = await pass_through(answer=SUFFIX.encode(), content_type=b"application/octet-stream")
    assert body["body"] == SUFFIX.encode()
