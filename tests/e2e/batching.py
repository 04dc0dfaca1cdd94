"""Batches as clients make and follow them."""

import json

from e2e.uploads import upload
from waiting import eventually

ENDED = {"completed", "failed", "expired", "cancelled"}
CHAT = "/v1/chat/completions"


def chat_line(custom_id, content, model="gpt-4o", **members):
    body = {"model": model, "messages": [{"role": "user", "content": content}], **members}
    return {"custom_id": custom_id, "method": "POST", "url": CHAT, "body": body}


def jsonl(lines):
    return b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)


def input_file(server, lines):
    return upload(server, jsonl(lines), "batch", "input.jsonl")["id"]


def begun(server, lines, endpoint=CHAT, **members):
    """A batch of the official client's, with these lines."""
    made = input_file(server, lines)
    return server.client.batches.create(input_file_id=made, endpoint=endpoint, completion_window="24h", **members)


def reached(server, batch, *statuses, within=30.0):
    """The batch once it has one of the statuses; by default, once it has ended."""
    wanted = statuses or ENDED

    def look():
        found = server.client.batches.retrieve(batch.id)
        assert found.status in wanted or found.status not in ENDED, found
        return found if found.status in wanted else None

    return eventually(look, within)


def told(server, file_id):
    """The lines of a file of results, by their custom_id."""
    if file_id is None:
        return {}
    lines = [json.loads(line) for line in server.client.files.content(file_id).text.splitlines()]
    found = {line["custom_id"]: line for line in lines}
    assert len(found) == len(lines), "a custom_id is told twice"
    return found
