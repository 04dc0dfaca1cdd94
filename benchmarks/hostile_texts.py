"""Texts and files that are as large as they may be."""

import json
from collections.abc import Iterator

from benchmarks.hostile_inputs import TEXT_BYTES, Input, Prepared, chat, closed_object, encoded, words

_BOUNDARY = "understudy-hostile"


def chats() -> Iterator[Input]:
    path = "/v1/chat/completions"
    yield Input("chat: 30 MB of text", path, encoded(chat(words(30_000_000))))
    yield Input("chat: 30 MB without spaces", path, encoded(chat("a" * 30_000_000)))
    yield Input("chat: 10 MB of umlauts", path, json.dumps(chat("é" * 5_000_000), ensure_ascii=False).encode())
    yield Input(
        "chat: 10 MB of tool output",
        path,
        encoded(
            {
                "model": "rehearsal",
                "messages": [
                    {"role": "user", "content": "hi"},
                    {
                        "role": "assistant",
                        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
                    },
                    {
                        "role": "tool",
                        "tool_call_id": "c",
                        "content": json.dumps([{"a": n, "b": "x"} for n in range(300_000)]),
                    },
                ],
            }
        ),
    )
    yield Input("chat: n = 128, repeat", path, encoded(chat(f'Repeat exactly: "{words(200_000)}"') | {"n": 128}))
    yield Input(
        "chat stream: repeat",
        path,
        encoded(chat(f'Repeat exactly: "{words(200_000)}"') | {"n": 8, "stream": True, "max_tokens": 50}),
    )
    yield Input("chat, provider: 30 MB of text", path, encoded(chat(words(30_000_000)) | {"model": "scripted"}))
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 20_000_000}}
    yield Input("chat: 20 MB image", path, encoded(chat([{"type": "text", "text": "look"}, image])))
    yield Input("chat, stored: 10 MB", path, encoded(chat(words(TEXT_BYTES)) | {"store": True}))


def other_dialects() -> Iterator[Input]:
    yield Input(
        "completions: 20 prompts", "/v1/completions", encoded({"model": "rehearsal", "prompt": [words(1_000_000)] * 20})
    )
    yield Input(
        "responses: 10 MB of text", "/v1/responses", encoded({"model": "rehearsal", "input": words(TEXT_BYTES - 20)})
    )
    yield Input(
        "responses: 30 MB of text", "/v1/responses", encoded({"model": "rehearsal", "input": words(30_000_000)})
    )
    yield Input(
        "responses: count 10 MB",
        "/v1/responses/input_tokens",
        encoded({"model": "rehearsal", "input": words(TEXT_BYTES - 20)}),
    )
    yield Input("messages API: 30 MB of text", "/v1/messages", encoded(chat(words(30_000_000)) | {"max_tokens": 50}))
    yield Input("messages API: count 30 MB", "/v1/messages/count_tokens", encoded(chat(words(30_000_000))))
    yield Input(
        "responses: 20 MB file",
        "/v1/responses",
        encoded(
            {
                "model": "rehearsal",
                "input": [
                    {
                        "role": "user",
                        "content": [
                            {
                                "type": "input_file",
                                "filename": "a.txt",
                                "file_data": "data:text/plain;base64," + "QUFB" * 5_000_000,
                            }
                        ],
                    }
                ],
            }
        ),
    )


def objects(prepared: Prepared) -> Iterator[Input]:
    part = {"type": "text", "text": words(255_000)}
    yield Input(
        "messages: 30 MB in parts",
        f"/v1/threads/{prepared.thread_id}/messages",
        encoded({"role": "user", "content": [part] * 100}),
    )
    yield Input("messages: long list", f"/v1/threads/{prepared.thread_id}/messages?limit=100", b"", method="GET")
    yield Input(
        "threads: 30 MB in messages",
        "/v1/threads",
        encoded({"messages": [{"role": "user", "content": part["text"]}] * 100}),
    )
    yield Input(
        "threads/runs: 20 MB in messages",
        "/v1/threads/runs",
        encoded(
            {
                "assistant_id": prepared.assistant_id,
                "thread": {"messages": [{"role": "user", "content": part["text"]}] * 80},
            }
        ),
    )
    submit = f"/v1/threads/{prepared.run_thread_id}/runs/{prepared.run_id}/submit_tool_outputs"
    yield Input(
        "tool outputs: 20 MB",
        submit,
        encoded({"tool_outputs": [{"tool_call_id": prepared.call_id, "output": words(20_000_000)}]}),
    )
    yield from _large_calls(prepared, part["text"])


def _large_calls(prepared: Prepared, text: str) -> Iterator[Input]:
    tools = [
        {
            "type": "function",
            "function": {
                "name": f"f{n}",
                "parameters": closed_object(
                    {f"m{m}": {"type": "string", "description": "x" * 200} for m in range(200)}
                ),
            },
        }
        for n in range(128)
    ]
    yield Input("assistants: 128 large tools", "/v1/assistants", encoded({"model": "rehearsal", "tools": tools}))
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": words(1_000_000)}]}
    yield Input(
        "conversation items: 20 MB",
        f"/v1/conversations/{prepared.conversation_id}/items",
        encoded({"items": [item] * 20}),
    )
    yield Input(
        "tools: execute, 10 MB",
        "/api/v3/tools/execute/AI_ML_API_CREATE_THREAD",
        encoded({"arguments": {"messages": [{"role": "user", "content": text}] * 40}}),
    )
    call = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {
            "name": "AI_ML_API_CREATE_THREAD",
            "arguments": {"messages": [{"role": "user", "content": text}] * 27},
        },
    }
    yield Input("MCP: call, 7 MB", "/mcp", encoded(call), headers="Accept: application/json, text/event-stream\r\n")
    requests = [
        {
            "custom_id": f"r{n}",
            "params": {"model": "rehearsal", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]},
        }
        for n in range(100_000)
    ]
    yield Input("message batch: 100,000 requests", "/v1/messages/batches", encoded({"requests": requests}))
    yield Input("AI/ML batch: 100,000 requests", "/batches", encoded({"requests": requests}))


def files() -> Iterator[Input]:
    lines = b"\n".join(
        encoded(
            {
                "custom_id": f"r{n}",
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": {"model": "rehearsal", "messages": []},
            }
        )
        for n in range(50_000)
    )
    yield _form("files: 30 MB", {"purpose": "assistants"}, b"x" * 30_000_000)
    yield _form("files: batch input", {"purpose": "batch"}, lines, filename="a.jsonl")
    yield _form("files: long name", {"purpose": "assistants"}, b"x", filename='a\\"' * 5000)
    yield _form("files: many fields", {f"f{n}": "x" for n in range(200_000)}, b"x")
    yield _form(
        "files: boundary lookalikes", {"purpose": "assistants"}, (b"\r\n--" + _BOUNDARY.encode()[:-1]) * 1_000_000
    )


def _form(name: str, fields: dict[str, str], content: bytes, filename: str = "a.txt") -> Input:
    parts = [
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        for key, value in fields.items()
    ]
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n\r\n'
    body = ("".join(parts) + head).encode() + content + f"\r\n--{_BOUNDARY}--\r\n".encode()
    return Input(name, "/v1/files", body, media_type=f"multipart/form-data; boundary={_BOUNDARY}")
