"""Bodies of countless values, and lists that are long."""

from collections.abc import Iterator
from typing import Any

from benchmarks.hostile_inputs import TEXT_BYTES, Input, Prepared, chat, encoded, words


def malformed() -> Iterator[Input]:
    path = "/v1/chat/completions"
    yield Input(
        "JSON: deep arrays", path, b'{"model":"rehearsal","messages":' + b"[" * 16_000_000 + b"]" * 16_000_000 + b"}"
    )
    yield Input("JSON: deep objects", path, b'{"a":' * 3_000_000 + b"1" + b"}" * 3_000_000)
    yield Input("JSON: empty arrays", path, b'{"model":"rehearsal","messages":[' + b"[]," * 11_000_000 + b"[]]}")
    yield Input("JSON: empty objects", "/v1/threads", b'{"messages":[' + b"{}," * 11_000_000 + b"{}]}")
    yield Input("JSON: numbers", "/v1/embeddings", b'{"model":"rehearsal","input":[' + b"1," * 16_000_000 + b"1]}")
    yield Input(
        "JSON: members", "/v1/threads", b'{"metadata":{' + b",".join(b'"%d":"a"' % n for n in range(2_000_000)) + b"}}"
    )
    yield Input(
        "JSON: unknown members", "/v1/threads", b"{" + b",".join(b'"%d":1' % n for n in range(2_000_000)) + b"}"
    )
    yield Input(
        "JSON: MCP", "/mcp", b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[' + b"[]," * 2_000_000 + b"1]}"
    )
    yield Input("JSON: long number", path, b'{"model":"rehearsal","messages":[],"n":' + b"9" * 30_000_000 + b"}")
    yield Input("JSON: cut", path, encoded(chat("x" * 30_000_000))[:-2])
    yield Input(
        "JSON: escapes",
        path,
        b'{"model":"rehearsal","messages":[{"role":"user","content":"' + b"\\u00e9" * 5_000_000 + b'"}]}',
    )
    yield Input(
        "JSON: quotes",
        path,
        b'{"model":"rehearsal","messages":[{"role":"user","content":"' + b'\\"' * 15_000_000 + b'"}]}',
    )


def lists(prepared: Prepared) -> Iterator[Input]:
    yield from _thread_lists(prepared)
    yield from _model_lists(prepared)
    yield from _object_lists(prepared)


def _thread_lists(prepared: Prepared) -> Iterator[Input]:
    message = {"role": "user", "content": "hi"}
    yield Input("threads: 100,000 messages", "/v1/threads", encoded({"messages": [message] * 100_000}))
    yield Input("threads: 800,000 messages", "/v1/threads", encoded({"messages": [message] * 800_000}))
    yield Input("threads: most messages", "/v1/threads", encoded({"messages": [message] * 500}))
    yield Input(
        "threads/runs: 100,000 messages",
        "/v1/threads/runs",
        encoded({"assistant_id": prepared.assistant_id, "thread": {"messages": [message] * 100_000}}),
    )
    yield Input(
        "runs: 100,000 additional messages",
        f"/v1/threads/{prepared.thread_id}/runs",
        encoded({"assistant_id": prepared.assistant_id, "additional_messages": [message] * 100_000}),
    )
    part = {"type": "text", "text": "hi"}
    messages = f"/v1/threads/{prepared.thread_id}/messages"
    yield Input("messages: 100,000 parts", messages, encoded({"role": "user", "content": [part] * 100_000}))
    yield Input(
        "messages: 100,000 attachments",
        messages,
        encoded(
            {
                "role": "user",
                "content": "hi",
                "attachments": [{"file_id": "file-x", "tools": [{"type": "file_search"}] * 3}] * 100_000,
            }
        ),
    )


def _model_lists(prepared: Prepared) -> Iterator[Input]:
    message = {"role": "user", "content": "hi"}
    part = {"type": "text", "text": "hi"}
    yield Input(
        "chat: 200,000 messages",
        "/v1/chat/completions",
        encoded({"model": "m", "messages": [message] * 200_000}),
    )
    yield Input(
        "chat: 2,000 messages", "/v1/chat/completions", encoded({"model": "rehearsal", "messages": [message] * 2_000})
    )
    yield Input("chat: 300,000 parts", "/v1/chat/completions", encoded(chat([part] * 300_000)))
    yield Input(
        "responses: 200,000 items", "/v1/responses", encoded({"model": "rehearsal", "input": [message] * 200_000})
    )
    yield Input("responses: 2,000 items", "/v1/responses", encoded({"model": "rehearsal", "input": [message] * 2_000}))
    yield Input(
        "responses: 200,000 parts",
        "/v1/responses",
        encoded(
            {
                "model": "rehearsal",
                "input": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}] * 200_000}],
            }
        ),
    )
    yield Input(
        "messages API: 200,000 messages",
        "/v1/messages",
        encoded({"model": "rehearsal", "max_tokens": 5, "messages": [message] * 200_000}),
    )
    yield Input(
        "conversation items: 100,000",
        f"/v1/conversations/{prepared.conversation_id}/items",
        encoded({"items": [message] * 100_000}),
    )
    yield Input(
        "embeddings: 2,048 texts",
        "/v1/embeddings",
        encoded({"model": "rehearsal", "input": ["hello world " * 10] * 2048}),
    )
    yield Input(
        "embeddings: token arrays", "/v1/embeddings", encoded({"model": "rehearsal", "input": [[1] * 2000] * 2048})
    )


def _object_lists(prepared: Prepared) -> Iterator[Input]:
    yield Input(
        "file batch: 2,000 unknown files",
        f"/v1/vector_stores/{prepared.store_id}/file_batches",
        encoded({"file_ids": [f"file-{n}" for n in range(2000)]}),
    )
    files = [{"file_id": f"file-{n}", "attributes": {f"k{m}": "v" * 500 for m in range(16)}} for n in range(2000)]
    yield Input(
        "file batch: 2,000 described files",
        f"/v1/vector_stores/{prepared.store_id}/file_batches",
        encoded({"files": files}),
    )
    outputs = [{"tool_call_id": prepared.call_id, "output": "x"}] * 100_000
    submit = f"/v1/threads/{prepared.run_thread_id}/runs/{prepared.run_id}/submit_tool_outputs"
    yield Input("tool outputs: 100,000", submit, encoded({"tool_outputs": outputs}))
    yield Input("uploads: 500,000 parts", "/v1/uploads/upload_x/complete", encoded({"part_ids": ["part_x"] * 500_000}))
    condition: dict[str, Any] = {"type": "eq", "key": "a", "value": 1}
    deep = condition
    for _ in range(45):
        deep = {"type": "and", "filters": [deep]}
    search = f"/v1/vector_stores/{prepared.store_id}/search"
    yield Input("search: deep filter", search, encoded({"query": "x", "filters": deep}))
    yield Input(
        "search: wide filter",
        search,
        encoded({"query": "x", "filters": {"type": "or", "filters": [condition] * 200_000}}),
    )
    yield Input("search: 10 MB query", search, encoded({"query": words(TEXT_BYTES)}))
    yield Input("search: 64 long queries", search, encoded({"query": [words(100_000)] * 64}))
    yield Input("query string", "/v1/threads?" + "&".join(f"metadata[k{n}]=v" for n in range(4000)), b"", method="GET")
