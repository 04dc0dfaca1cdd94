"""What the cluster has in the end: read through its API as clients do, and the sums and references from its database."""

import asyncio
import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from chaos.cluster import REALTIME_MODEL
from chaos.http import Client, Impatient
from chaos.journal import Journal
from receiver import Received

Database = Any
"""A connection of asyncpg, or a reader of SQLite with its `fetch`, `fetchval` and `execute`."""
_SETTLE_SECONDS: Final = 90.0
_AT_ONCE: Final = 8
Item = TypeVar("Item")


@dataclass(slots=True)
class Evidence:
    """Objects are as the API renders them. Everything is there for `checks`, which read nothing else."""

    journal: Journal
    issued: Callable[[str], set[str]]
    """The whole answers that the model gave to messages with a tag."""
    messages: dict[str, list[Any]] = field(default_factory=dict)
    """By thread."""
    read_at: float = 0.0
    """When the runs were read, in Unix seconds."""
    runs: dict[str, Any] = field(default_factory=dict)
    steps: dict[str, list[Any]] = field(default_factory=dict)
    """By run; of runs with tools."""
    responses: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    """The encoded input items of each response with which an image was sent."""
    contents: dict[str, str | int] = field(default_factory=dict)
    """Of files: the SHA-256, or the status of the refusal."""
    searches: dict[str, list[str]] = field(default_factory=dict)
    """The texts found by the word of an indexed file."""
    indexed: dict[str, str] = field(default_factory=dict)
    """The status of indexed files by word."""
    batches: dict[str, tuple[Any, list[Any]]] = field(default_factory=dict)
    """The batch and its results."""
    videos: dict[str, int] = field(default_factory=dict)
    """How many there are of an idempotency key."""
    unfinished: list[str] = field(default_factory=list)
    """What the database says is neither terminal nor waiting for its client."""
    ends: dict[str, str] = field(default_factory=dict)
    """The webhook event that every ended object of the database must have, by its id."""
    events: list[tuple[str, str, str, str]] = field(default_factory=list)
    """Stored webhook deliveries: id, type, id of the object, status."""
    received: list[Received] = field(default_factory=list)
    usage: dict[str, int] = field(default_factory=dict)
    """Charged tokens by run or response."""
    realtime_responses: int = 0
    """Those that the provider has made."""
    realtime_charged: int = 0
    realtime_places: list[str] = field(default_factory=list)
    """Of sessions that count though they have ended."""
    sums: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Sums that the database keeps, and the same from their entries."""
    blobs: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Of each blob: the uses that are counted, and the rows that name it."""
    blob_files: set[str] = field(default_factory=set)
    unfinished_files: list[str] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    """Indexed documents that no vector store file has, or that one has twice."""
    orphans: list[str] = field(default_factory=list)
    """Processes that outlived the node that started them."""
    troubles: list[str] = field(default_factory=list)
    """Errors in the logs of nodes, and exits that nobody ordered."""


async def collect(evidence: Evidence, client: Client, database: Database, blobs: Path) -> None:
    """Waits until all work has ended, then reads everything. All nodes have to run."""
    evidence.unfinished = await _settle(database)
    await _collect_objects(evidence, client)
    await _collect_sums(evidence, database)
    await _collect_webhooks(evidence, database)
    await _collect_blobs(evidence, database, blobs)


_UNFINISHED: Final = {
    "run": "SELECT id, status FROM runs WHERE body IS NOT NULL AND status IN ('queued', 'in_progress', 'cancelling')",
    "batch": "SELECT id, status FROM batches WHERE status IN ('validating', 'in_progress', 'finalizing', 'cancelling')",
    "vector store file": "SELECT id, status FROM store_files WHERE body IS NOT NULL AND status = 'in_progress'",
    "video": "SELECT id, state FROM generations WHERE body IS NOT NULL AND state IN ('queued', 'dreaming')",
    "webhook delivery": "SELECT id, status FROM webhook_deliveries WHERE status = 'pending'",
    "erasure": "SELECT name, 'pending' FROM blob_erasures",
}


async def _settle(database: Database) -> list[str]:
    """What has not ended after the time that everything may take."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while True:
        left = []
        for kind, sql in _UNFINISHED.items():
            left += [f"{kind} {row[0]} is {row[1]}" for row in await database.fetch(sql)]
        if not left:
            # Holds of writers that died last for an hour: they are made to expire, so that the sweep has to find them.
            await database.execute("UPDATE blobs SET held_until = 0 WHERE uses = 0 AND held_until > 0")
            left = [f"blob {row[0]} is held" for row in await database.fetch("SELECT name FROM blobs WHERE uses = 0")]
        if not left:
            return []
        if time.monotonic() > deadline:
            return left
        await asyncio.sleep(0.5)


# -- objects of the API ------------------------------------------------------------------------------------------------


async def _collect_objects(evidence: Evidence, client: Client) -> None:
    journal = evidence.journal
    threads = dict.fromkeys(
        [*(sent.thread_id for sent in journal.messages), *(r.thread_id for r in journal.runs.values())]
    )
    tooled = [run for run in journal.runs.values() if run.kind != "plain"]

    evidence.read_at = time.time()

    async def read_thread(thread: str) -> None:
        evidence.messages[thread] = await client.list(f"/v1/threads/{thread}/messages")
        for run in await client.list(f"/v1/threads/{thread}/runs"):
            evidence.runs[run["id"]] = run

    async def read_response(response_id: str) -> None:
        await _read_response(evidence, client, response_id)

    async def read_file(file_id: str) -> None:
        reply = await client.repeat("GET", f"/v1/files/{file_id}/content")
        digest = hashlib.sha256(reply.body).hexdigest()
        evidence.contents[file_id] = digest if reply.status == 200 else reply.status

    async def read_batch(batch_id: str) -> None:
        batch = await client.get(f"/v1/batches/{batch_id}")
        lines: list[Any] = []
        for name in ("output_file_id", "error_file_id"):
            if batch.get(name):
                reply = await client.repeat("GET", f"/v1/files/{batch[name]}/content")
                lines += [json.loads(line) for line in reply.body.decode().splitlines()]
        evidence.batches[batch_id] = batch, lines

    async def search(number: int) -> None:
        one = journal.indexed[number]
        found = await client.get(f"/v1/vector_stores/{one.vector_store_id}/files/{one.file_id}")
        evidence.indexed[one.word] = found["status"]
        path = f"/v1/vector_stores/{one.vector_store_id}/search"
        page = (await client.repeat("POST", path, {"query": one.word, "max_num_results": 50})).json
        evidence.searches[one.word] = [hit["file_id"] for hit in page["data"] if one.word in hit["content"][0]["text"]]

    async def read_steps(run_id: str) -> None:
        run = journal.runs[run_id]
        evidence.steps[run_id] = await client.list(f"/v1/threads/{run.thread_id}/runs/{run_id}/steps")

    await _each(threads, read_thread)
    await _each([run.id for run in tooled if run.id in evidence.runs], read_steps)
    await _each(journal.responses, read_response)
    await _each(journal.files, read_file)
    await _each(journal.batches, read_batch)
    await _each(range(len(journal.indexed)), search)


async def _each(items: Iterable[Item], read: Callable[[Item], Awaitable[None]]) -> None:
    """Some at a time. An object that is refused is missing afterwards, which its check finds."""
    turn = asyncio.Semaphore(_AT_ONCE)

    async def read_one(item: Item) -> None:
        async with turn:
            try:
                await read(item)
            except (AssertionError, Impatient, KeyError):
                return

    await asyncio.gather(*(read_one(item) for item in items))


# -- the database ------------------------------------------------------------------------------------------------------


async def _collect_sums(evidence: Evidence, database: Database) -> None:
    pairs = {
        "balance": ("SELECT sum(credits) FROM balances", "SELECT sum(credits) FROM ledger"),
        "spending": ("SELECT sum(credits) FROM spending", "SELECT sum(credits) FROM usage"),
        "charges": ("SELECT -sum(credits) FROM ledger WHERE type = 'MODEL_USAGE'", "SELECT sum(credits) FROM usage"),
        "vector store files": (
            "SELECT sum(completed + failed + cancelled + in_progress) FROM vector_stores WHERE body IS NOT NULL",
            "SELECT count(*) FROM store_files WHERE body IS NOT NULL",
        ),
    }
    for name, (kept, counted) in pairs.items():
        evidence.sums[name] = int(await database.fetchval(kept) or 0), int(await database.fetchval(counted) or 0)
    for reference, tokens in await database.fetch("SELECT reference, input_tokens + output_tokens FROM usage"):
        subject = reference.partition("/")[0]
        evidence.usage[subject] = evidence.usage.get(subject, 0) + tokens
    sql = "SELECT sum(requests) FROM usage WHERE model = $1"
    evidence.realtime_charged = int(await database.fetchval(sql, REALTIME_MODEL) or 0)
    for order in evidence.journal.videos:
        sql = "SELECT count(*) FROM generations WHERE request_key LIKE $1"
        evidence.videos[order.key] = await database.fetchval(sql, f"%{order.key}%")
    sql = (
        "SELECT d.store, d.file, count(*), count(f.seq) FROM chunk_documents d"
        " LEFT JOIN store_files f ON f.seq = d.file AND f.body IS NOT NULL"
        " WHERE d.state <> 2 GROUP BY d.store, d.file HAVING count(*) <> 1 OR count(f.seq) <> 1"
    )
    evidence.documents = [f"store {row[0]}, file {row[1]}: {row[2]} documents" for row in await database.fetch(sql)]


async def _collect_webhooks(evidence: Evidence, database: Database) -> None:
    """Events of objects that ended after the endpoint was created, which is before the load begins."""
    sql = (
        "SELECT id, CASE kind WHEN 'run' THEN 'thread.run.' ELSE 'response.' END || status FROM runs"
        " WHERE body IS NOT NULL AND status IN ('completed', 'failed', 'cancelled', 'expired', 'incomplete')"
        " UNION ALL SELECT id, 'batch.' || status FROM batches WHERE body IS NOT NULL"
        " AND status IN ('completed', 'failed', 'cancelled', 'expired')"
    )
    evidence.ends = {row[0]: row[1] for row in await database.fetch(sql)}
    for row in await database.fetch("SELECT id, event_type, event, status FROM webhook_deliveries"):
        evidence.events.append((row[0], row[1], json.loads(row[2])["data"]["id"], row[3]))


async def _read_response(evidence: Evidence, client: Client, response_id: str) -> None:
    evidence.responses[response_id] = await client.get(f"/v1/responses/{response_id}")
    if evidence.journal.responses[response_id].image:
        path = f"/v1/responses/{response_id}/input_items?include[]=message.input_image.image_url"
        evidence.inputs[response_id] = json.dumps(await client.get(path))


async def _collect_blobs(evidence: Evidence, database: Database, directory: Path) -> None:
    sql = (
        "SELECT b.name, b.uses, (SELECT count(*) FROM files WHERE blob = b.name AND body IS NOT NULL)"
        " + (SELECT count(*) FROM upload_parts WHERE blob = b.name)"
        " + (SELECT count(*) FROM generation_blobs WHERE blob = b.name)"
        " + (SELECT count(*) FROM item_images WHERE blob = b.name)"
        " + (SELECT count(*) FROM batches WHERE input = b.name)"
        " + (SELECT count(*) FROM batches WHERE results = b.name) FROM blobs b"
    )
    evidence.blobs = {row[0]: (row[1], row[2]) for row in await database.fetch(sql)}
    await asyncio.to_thread(_list_files, evidence, directory)


def _list_files(evidence: Evidence, directory: Path) -> None:
    for path in directory.glob("*/*"):
        if path.parent.name == "unfinished":
            evidence.unfinished_files.append(path.name)
        else:
            evidence.blob_files.add(path.parent.name + path.name)
