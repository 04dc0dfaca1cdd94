"""Batches, created and polled with the official client."""

import json
from collections.abc import Iterable
from typing import Any

from openai.types import Batch

from e2e.uploads import upload
from serving import Server
from waiting import eventually

ENDED = {"completed", "failed", "expired", "cancelled"}
CHAT = "/v1/chat/completions"


def chat_line(custom_id: str, content: Any, model: str = "gpt-4o", **members: Any) -> dict[str, Any]:
    body = {"model": model, "messages": [{"role": "user", "content": content}], **members}
    return {"custom_id": custom_id, "method": "POST", "url": CHAT, "body": body}


def jsonl(lines: Iterable[Any]) -> bytes:
    return b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)


def input_file(server: Server, lines: Iterable[Any]) -> str:
    file_id: str = upload(server, jsonl(lines), "batch", "input.jsonl")["id"]
    return file_id


def create_batch(server: Server, lines: Iterable[Any], endpoint: Any = CHAT, **members: Any) -> Batch:
    """Creates a batch of these lines."""
    made = input_file(server, lines)
    return server.client.batches.create(input_file_id=made, endpoint=endpoint, completion_window="24h", **members)


def wait_for_batch(server: Server, batch: Batch, *statuses: str, within: float = 30.0) -> Batch:
    """Polls the batch until it has one of the statuses; by default, until it has ended."""
    expected = set(statuses) or ENDED

    def look() -> Batch | None:
        current = server.client.batches.retrieve(batch.id)
        assert current.status in expected or current.status not in ENDED, current
        return current if current.status in expected else None

    result = eventually(look, within)
    assert result is not None
    return result


def results_of(server: Server, file_id: str | None) -> dict[str, Any]:
    """The lines of a result file, by their custom_id."""
    if file_id is None:
        return {}
    lines = [json.loads(line) for line in server.client.files.content(file_id).text.splitlines()]
    results = {line["custom_id"]: line for line in lines}
    assert len(results) == len(lines), "duplicate custom_id"
    return results
