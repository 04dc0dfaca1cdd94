"""Work is refused by the first of its checks that fails, in the same order at every edge that accepts it."""

import itertools
import json
from typing import Any

import pytest

from e2e import faults
from e2e.billing import PRICES, grant, new_key
from e2e.faults import Fault, merge
from e2e.uploads import upload
from serving import KEY, Server
from waiting import eventually

CLAUDE = """
[providers.messages]
kind = "anthropic"
base_url = "{url}"
models = ["claude"]
"""
USER = {"role": "user", "content": "Hi"}
OPERATIONS: dict[str, tuple[str, dict[str, Any], list[Fault]]] = {
    "run": ("/v1/threads/{thread}/runs", {"assistant_id": "{assistant}"}, faults.RUN),
    "run that searches": ("/v1/threads/{thread}/runs", {"assistant_id": "{assistant}"}, faults.SEARCHING_RUN),
    "thread and run": ("/v1/threads/runs", {"assistant_id": "{assistant}"}, faults.THREAD_AND_RUN),
    "thread": ("/v1/threads", {}, faults.CREATE_THREAD),
    "change of a thread": ("/v1/threads/{thread}", {}, faults.MODIFY_THREAD),
    "assistant": ("/v1/assistants", {"model": "gpt-4o"}, faults.CREATE_ASSISTANT),
    "change of an assistant": ("/v1/assistants/{assistant}", {}, faults.MODIFY_ASSISTANT),
    "response": ("/v1/responses", {"model": "gpt-4o", "input": [USER]}, faults.RESPONSE),
    "token count": ("/v1/responses/input_tokens", {"model": "gpt-4o", "input": [USER]}, faults.TOKEN_COUNT),
    "compaction": ("/v1/responses/compact", {"model": "gpt-4o", "input": [USER]}, faults.COMPACTION),
    "conversation": ("/v1/conversations", {"items": []}, faults.CONVERSATION),
    "items": ("/v1/conversations/{conversation}/items", {"items": [USER]}, faults.CONVERSATION_ITEMS),
    "chat completion": ("/v1/chat/completions", {"model": "gpt-4o", "messages": [USER]}, faults.CHAT),
    "chat completion with a file": (
        "/v1/chat/completions",
        {"model": "gpt-4o", "messages": [USER]},
        faults.CHAT_WITH_FILE,
    ),
    "text completion": ("/v1/completions", {"model": "gpt-4o", "prompt": "Hi"}, faults.COMPLETION),
    "embedding": ("/v1/embeddings", {"model": "gpt-4o", "input": "Hi"}, faults.EMBEDDING),
    "batch": (
        "/v1/batches",
        {"endpoint": "/v1/responses", "completion_window": "24h", "input_file_id": "{lines}"},
        faults.BATCH,
    ),
    "container": ("/v1/containers", {"name": "c"}, faults.CONTAINER),
}


@pytest.fixture(scope="module")
def edge(session_upstream, tmp_path_factory):
    """A server without code interpreter and remote MCP servers, with a project that has spent all it had."""
    config = PRICES + CLAUDE.format(url=session_upstream.url)
    server = Server(tmp_path_factory.mktemp("edge"), session_upstream.url, config, sandbox__python="/nowhere/python")
    server.start()
    try:
        yield Edge(server)
        server.stop()
    finally:
        server.kill()


class Edge:
    def __init__(self, server: Server) -> None:
        self.server = server
        server.run("projects", "create", "broke")
        grant(server, "1", "broke")
        self.spent = new_key(server, "--project", "broke")["key"]
        chat = {"model": "gpt-4o", "messages": [USER]}
        assert server.ask("POST", "/v1/chat/completions", chat, key=self.spent).status == 200
        self.ids = {key: self._create_objects(key) for key in (KEY, self.spent)}

    def _create_objects(self, key: str) -> dict[str, str]:
        def make(path: str, **body: Any) -> str:
            reply = self.server.ask("POST", f"/v1/{path}", body, key=key)
            assert reply.status == 200, reply.body
            made: str = reply.json["id"]
            return made

        store = make("vector_stores")
        resources = {"file_search": {"vector_store_ids": [store]}}
        searcher = make("assistants", model="gpt-4o", tool_resources=resources)
        assert self.server.ask("DELETE", f"/v1/vector_stores/{store}", key=key).status == 200
        return {
            "assistant": make("assistants", model="gpt-4o"),
            "searcher": searcher,
            "thread": make("threads"),
            "conversation": make("conversations"),
            "picture": upload(self.server, b"no picture", "assistants", "cat.heic", key=key)["id"],
            "notes": upload(self.server, b"notes", "assistants", "notes.txt", key=key)["id"],
            "lines": upload(self.server, b"{}", "batch", "lines.jsonl", key=key)["id"],
        }

    def post(self, path: str, body: dict[str, Any], *present: Fault) -> Any:
        """Sends the body with the faults in it."""
        key = self.spent if any(fault.is_broke for fault in present) else KEY
        names = {**self.ids[key], **dict(pair for fault in present for pair in fault.ids)}
        for fault in present:
            body = merge(body, fault.body)
        return self.server.ask("POST", path.format_map(names), fill(body, names), key=key)


def fill(value: Any, names: dict[str, str]) -> Any:
    match value:
        case dict():
            return {name: fill(one, names) for name, one in value.items()}
        case list() | tuple():
            return [fill(one, names) for one in value]
        case str() if value[1:-1] in names:
            return names[value[1:-1]]
        case _:
            return value


def assert_refused(error: Any, fault: Fault, at: int) -> None:
    """`at` is the index of the fault's element in its list."""

    def place(text: str | None) -> str | None:
        return text and text.replace("#", str(at))

    assert str(error["message"]).startswith(place(fault.message) or ""), (fault.name, error)
    assert (error["param"], error["code"]) == (place(fault.param), fault.code), (fault.name, error)


def first_index(body: dict[str, Any], fault: Fault) -> int:
    """How many elements of a valid body stand before the first that a fault adds."""
    lists = [value for name, value in body.items() if isinstance(value, list) and name in fault.body]
    return sum(len(one) for one in lists)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_check_refuses_with_its_error(edge, operation):
    path, body, checks = OPERATIONS[operation]
    for fault in checks:
        reply = edge.post(path, body, fault)
        assert reply.status == fault.status, (fault.name, reply.body)
        assert_refused(reply.json["error"], fault, first_index(body, fault))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_of_two_faults_the_one_that_is_checked_first_is_reported(edge, operation):
    path, body, checks = OPERATIONS[operation]
    for first, second in itertools.combinations(checks, 2):
        if first.can_join(second):
            reply = edge.post(path, body, first, second)
            assert_refused(reply.json["error"], first, first_index(body, first))


def test_of_two_faults_of_a_message_the_one_that_is_checked_first_is_reported(edge):
    path, body = "/v1/messages", {"model": "gpt-4o", "max_tokens": 10, "messages": [USER]}
    for first, second in itertools.combinations(faults.MESSAGE, 2):
        for present in ((first,), (first, second)):
            reply = edge.post(path, body, *present)
            status = 403 if first.is_broke and reply.status == 403 else first.status
            assert (reply.status, reply.json["type"]) == (status, "error")
            assert reply.json["error"]["message"].startswith(first.message.replace("#", "1"))


def test_lines_of_a_batch_are_refused_as_requests_are(edge, upstream):
    """Both faults of a line are in one request of the endpoint, which has the same checks in the same order."""
    body = {"model": "gpt-4o", "input": [USER]}
    pairs = [pair for pair in itertools.combinations(faults.RESPONSE_LINE, 2) if pair[0].can_join(pair[1])]
    requests = [
        {
            "custom_id": str(number),
            "method": "POST",
            "url": "/v1/responses",
            "body": fill(merge(merge(body, first.body), second.body), edge.ids[KEY]),
        }
        for number, (first, second) in enumerate(pairs)
    ]
    lines = "\n".join(json.dumps(one) for one in requests).encode()
    file_id = upload(edge.server, lines, "batch", "lines.jsonl")["id"]
    batch = edge.server.client.batches.create(input_file_id=file_id, endpoint="/v1/responses", completion_window="24h")

    def ended():
        found = edge.server.client.batches.retrieve(batch.id)
        return found if found.status in {"completed", "failed"} else None

    done = eventually(ended)
    assert (done.request_counts.failed, done.request_counts.total) == (len(pairs), len(pairs)), done
    results = edge.server.client.files.content(done.error_file_id).text.splitlines()
    for result in map(json.loads, results):
        first = pairs[int(result["custom_id"])][0]
        assert result["response"]["status_code"] == first.status
        assert_refused(result["response"]["body"]["error"], first, first_index(body, first))
    assert upstream.requests == []
