"""Objects of the smaller kinds: files, vector stores, responses, batches, webhooks and stored completions."""

import json
from typing import Any

import openai

_HANDBOOK = """# Handbook

## Refunds

Refunds take 14 days from the day the parcel arrives. Exceptions need a manager's signature.

## Returns from abroad

Parcels from abroad are returned by the same carrier. Customs papers stay in the parcel.
"""
_IMPORTED = [
    {"id": "asst_imported", "object": "assistant", "created_at": 1_700_000_000, "name": "Imported", "model": "gpt-4o"},
    {"id": "thread_imported", "object": "thread", "created_at": 1_700_000_000, "metadata": {"user": "ada"}},
    {"id": "file-imported", "object": "file", "created_at": 1_700_000_000, "filename": "a.pdf", "bytes": 5},
    {"id": "vs_imported", "object": "vector_store", "created_at": 1_700_000_000, "name": "Old", "old_member": 1},
    {"object": "unknown"},
]
_LINES = [
    {
        "custom_id": str(number),
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"model": "rehearsal", "messages": [{"role": "user", "content": f"Question {number}"}]},
    }
    for number in range(3)
]


def seed_objects(client: openai.OpenAI) -> dict[str, str]:
    """Creates one of each kind; returns their ids by the names that paths of screenshots can have."""
    handbook = _upload(client, "handbook.md", _HANDBOOK)
    faq = _upload(client, "<script>alert(1)</script>.txt", "How long does refunding a voucher take? One day.")
    broken = _upload(client, "scan.pdf", "no PDF at all")
    store = client.vector_stores.create(name="Support documents", metadata={"team": "support"})
    client.vector_stores.create()
    for file in (handbook, faq, broken):
        client.vector_stores.files.create_and_poll(file_id=file, vector_store_id=store.id, poll_interval_ms=50)
    return {"file": handbook, "store": store.id, **_seed_answers(client), **_seed_transfers(client)}


def _seed_answers(client: openai.OpenAI) -> dict[str, str]:
    response = client.responses.create(
        model="rehearsal", input="How long do refunds take?", metadata={"team": "support"}
    )
    completion = client.chat.completions.create(
        model="rehearsal", messages=[{"role": "user", "content": "Where is my order 7?"}], store=True
    )
    lines = "\n".join(json.dumps(line) for line in _LINES)
    batch = client.batches.create(
        input_file_id=_upload(client, "questions.jsonl", lines, purpose="batch"),
        endpoint="/v1/chat/completions",
        completion_window="24h",
        metadata={"night": "1"},
    )
    return {"response": response.id, "completion": completion.id, "batch": batch.id}


def _seed_transfers(client: openai.OpenAI) -> dict[str, str]:
    """An import with objects that are skipped, and an export."""
    multipart: Any = {"headers": {"content-type": "multipart/form-data"}}
    for number in range(2):
        file = (f"hosted-export-{number}.jsonl", "\n".join(json.dumps(one) for one in _IMPORTED).encode())
        created: Any = client.post("/imports", cast_to=object, files={"file": file}, options=multipart)
    exported: Any = client.post("/exports", cast_to=object, body={"metadata": {"user": "ada"}})
    client.post("/deletions", cast_to=object, body={"metadata": {"user": "nobody"}})
    return {"import": created["id"], "export": exported["id"]}


def _upload(client: openai.OpenAI, name: str, text: str, purpose: str = "assistants") -> str:
    return client.files.create(file=(name, text.encode()), purpose=purpose).id  # type: ignore[arg-type]
