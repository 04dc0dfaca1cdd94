"""What an import looks up: objects that the project has by their public ids, and their states."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, LiteralString

from understudy.store.database import Transaction
from understudy.store.qualified_ids import SEPARATOR, qualifier
from understudy.store.sql import compose_sql, padded_batches, sql_parameters
from understudy.store.states import ACTIVE
from understudy.store.vector_store_counts import find_store


@dataclass(frozen=True, slots=True)
class ImportTable:
    """`is_own` is true of rows of the project `$1`; `key` is the column by which they are looked up."""

    name: LiteralString
    columns: LiteralString
    is_own: LiteralString = "project_id = $1"
    key: LiteralString = "id"


_OF_THREAD: Final = (
    "(EXISTS (SELECT 1 FROM threads WHERE threads.id = items.thread_id AND threads.project_id = $1)"
    " OR EXISTS (SELECT 1 FROM responses WHERE responses.thread_id = items.thread_id AND responses.project_id = $1))"
)
_OF_RUN: Final = "EXISTS (SELECT 1 FROM runs WHERE runs.id = steps.run_id AND runs.project_id = $1)"
_OF_STORE: Final = (
    "EXISTS (SELECT 1 FROM vector_stores"
    " WHERE vector_stores.seq = file_batches.store AND vector_stores.project_id = $1)"
)
IMPORT_TABLES: Final[Mapping[str, ImportTable]] = {
    "assistant": ImportTable("assistants", "id, project_id, body"),
    "file": ImportTable("files", "id, project_id, purpose, blob, expires_at, body"),
    "vector_store": ImportTable(
        "vector_stores",
        "id, project_id, last_active_at, expires_at, in_progress, completed, failed, cancelled, usage_bytes, body",
    ),
    "prompt": ImportTable("prompts", "id, project_id, body"),
    "thread": ImportTable("threads", "id, project_id, last_active_at, branched_from, body"),
    "message": ImportTable("items", "id, thread_id, run_id, kind, role, body", _OF_THREAD),
    "run": ImportTable(
        "runs",
        "id, thread_id, project_id, status, attempts, expires_at, progress, kind, assistant_id, model, created_at,"
        " body",
    ),
    "step": ImportTable("steps", "id, run_id, open, body", _OF_RUN),
    "response": ImportTable(
        "responses", "id, project_id, thread_id, previous_id, input_seq, last_seq, kept, created_at, body"
    ),
    "response_thread": ImportTable("responses", "", key="thread_id"),
    "chat_completion": ImportTable("chat_completions", "id, project_id, messages, body"),
    "batch": ImportTable(
        "batches",
        "id, project_id, dialect, status, results, total, completed, failed, input_tokens, cached_tokens,"
        " output_tokens, reasoning_tokens, body",
    ),
    "video": ImportTable(
        "generations",
        "id, project_id, state, attempts, due_at, provider, upstream_id, token, ended_at, body",
    ),
    "file_batch": ImportTable("file_batches", "id, store, cancelled, body", _OF_STORE),
    "transcription": ImportTable("transcriptions", "id, project_id, status, ended_at, bytes, body"),
    "upload": ImportTable("uploads", "id, project_id, status, expires_at, file_seconds, part_ids, body"),
    "container": ImportTable("containers", "id, project_id, thread_id, name, last_active_at, body"),
    "webhook_endpoint": ImportTable("webhook_endpoints", "id, project_id, secret, old_secret_until, body"),
}


_PROJECT_TABLES: Final[tuple[LiteralString, ...]] = (
    "files",
    "vector_stores",
    "assistants",
    "prompts",
    "threads",
    "runs",
    "responses",
    "chat_completions",
    "batches",
    "generations",
    "transcriptions",
    "uploads",
    "containers",
    "webhook_endpoints",
)


@dataclass(slots=True)
class FoundIds:
    """Stored ids by public ones, and the stored ids of deleted objects, which keep their place in lists."""

    stored: dict[str, str] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)


def find_ids(project_id: str, kind: str, public_ids: Sequence[str], only_imported: bool) -> Transaction[FoundIds]:
    table, suffix = IMPORT_TABLES[kind], qualifier(project_id)
    found = FoundIds()
    ids = [public + suffix for public in public_ids]
    # The suffix is the project's alone; other ids may be those of any project.
    queries: list[tuple[LiteralString, tuple[str, ...], Sequence[str]]] = [("", (), ids)]
    if not only_imported:
        queries.append((compose_sql("AND", table.is_own), (project_id,), public_ids))
    for condition, arguments, wanted in queries:
        for batch in padded_batches(wanted):
            some = sql_parameters(len(arguments) + 1, len(batch))
            columns = compose_sql("SELECT", table.key, ", body IS NULL FROM", table.name, "WHERE", table.key, "IN (")
            sql = compose_sql(columns, some, ")", condition)
            for stored, is_deleted in (yield sql, (*arguments, *batch)):
                if is_deleted:
                    found.deleted.add(stored)
                else:
                    found.stored[stored.partition(SEPARATOR)[0]] = stored
    return found


def has_objects(project_id: str) -> Transaction[bool]:
    for table in _PROJECT_TABLES:
        if (yield compose_sql("SELECT 1 FROM", table, "WHERE project_id = $1 LIMIT 1"), (project_id,)):
            return True
    return False


def find_indexed(file_ids: Sequence[str], besides: Container[str]) -> Transaction[set[str]]:
    """`besides` are stores that do not count."""
    indexed: set[str] = set()
    for batch in padded_batches(file_ids):
        sql = compose_sql(
            "SELECT store_files.id, vector_stores.id FROM store_files",
            "JOIN vector_stores ON vector_stores.seq = store_files.store",
            "WHERE store_files.body IS NOT NULL AND vector_stores.body IS NOT NULL AND store_files.id IN (",
            sql_parameters(1, len(batch)),
            ")",
        )
        indexed.update(file_id for file_id, store_id in (yield sql, tuple(batch)) if store_id not in besides)
    return indexed


def load_unknown(stored_ids: Sequence[str]) -> Transaction[dict[str, str]]:
    unknown: dict[str, str] = {}
    for batch in padded_batches(stored_ids):
        sql = compose_sql("SELECT id, members FROM unknown_members WHERE id IN (", sql_parameters(1, len(batch)), ")")
        unknown.update((row[0], row[1]) for row in (yield sql, tuple(batch)))
    return unknown


def find_without_content(file_ids: Sequence[str]) -> Transaction[set[str]]:
    without: set[str] = set()
    for batch in padded_batches(file_ids):
        sql = compose_sql("SELECT id FROM files WHERE blob = '' AND id IN (", sql_parameters(1, len(batch)), ")")
        without.update(row[0] for row in (yield sql, tuple(batch)))
    return without


def find_active_runs(run_ids: Sequence[str]) -> Transaction[set[str]]:
    active: set[str] = set()
    for batch in padded_batches(run_ids):
        sql = compose_sql("SELECT id, status FROM runs WHERE id IN (", sql_parameters(1, len(batch)), ")")
        active.update(run_id for run_id, status in (yield sql, tuple(batch)) if status in ACTIVE)
    return active


def find_attached(project_id: str, store_id: str, file_ids: Sequence[str]) -> Transaction[set[str]]:
    store = yield from find_store(project_id, store_id)
    attached: set[str] = set()
    for batch in padded_batches(file_ids):
        ids = sql_parameters(2, len(batch))
        sql = compose_sql("SELECT id FROM store_files WHERE store = $1 AND body IS NOT NULL AND id IN (", ids, ")")
        attached.update(row[0] for row in (yield sql, (store.seq, *batch)))
    return attached
