"""What requests that are meant to keep a server busy are made of, and the objects that they name."""

import json
import urllib.request
from dataclasses import dataclass
from typing import Any

from benchmarks.http import KEY

JSON = "application/json"
TEXT_BYTES = 10 * 1024 * 1024
_WORD = "lorem ipsum, "


@dataclass(frozen=True, slots=True)
class Input:
    """`headers` are whole lines, each with its line break."""

    name: str
    path: str
    body: bytes
    method: str = "POST"
    media_type: str = JSON
    headers: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Ids of objects that the inputs name. The run waits for the output of one function call."""

    port: int
    assistant_id: str
    thread_id: str
    run_id: str
    run_thread_id: str
    call_id: str
    store_id: str
    conversation_id: str


def prepare(port: int) -> Prepared:
    function = {
        "type": "function",
        "function": {"name": "look_up", "parameters": closed_object({"word": {"type": "string"}})},
    }
    assistant = _ask(port, "/v1/assistants", {"model": "rehearsal", "tools": [function]})
    thread = _ask(port, "/v1/threads", {})
    made = _ask(
        port,
        "/v1/threads/runs",
        {
            "assistant_id": assistant["id"],
            "thread": {"messages": [{"role": "user", "content": "Look up the word 'tree'."}]},
            "tool_choice": {"type": "function", "function": {"name": "look_up"}},
        },
    )
    run = made
    for _ in range(1000):
        run = _ask(port, f"/v1/threads/{made['thread_id']}/runs/{made['id']}", None)
        if run["status"] not in {"queued", "in_progress"}:
            break
    if run["status"] != "requires_action":
        raise SystemExit(f"The preparation failed: the run is {run['status']}.")
    (call,) = run["required_action"]["submit_tool_outputs"]["tool_calls"]
    return Prepared(
        port=port,
        assistant_id=assistant["id"],
        thread_id=thread["id"],
        run_id=run["id"],
        run_thread_id=run["thread_id"],
        call_id=call["id"],
        store_id=_ask(port, "/v1/vector_stores", {"name": "hostile"})["id"],
        conversation_id=_ask(port, "/v1/conversations", {})["id"],
    )


def closed_object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


def chat(text: Any) -> dict[str, Any]:
    return {"model": "rehearsal", "messages": [{"role": "user", "content": text}]}


def words(length: int) -> str:
    return (_WORD * (length // len(_WORD) + 1))[:length]


def encoded(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _ask(port: int, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
    data = None if body is None else encoded(body)
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": JSON}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        parsed: dict[str, Any] = json.loads(answer.read())
    return parsed
