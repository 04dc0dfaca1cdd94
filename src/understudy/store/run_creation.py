"""Runs that begin: the run's row, the messages before it, and the lock of its thread."""

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, LiteralString

import msgspec

from understudy.errors import ThreadBusy, not_found
from understudy.errors.objects import empty_thread
from understudy.store.attachments import VectorStoreUpload, attach, attach_to_stores
from understudy.store.database import Bundle, Database, Transaction
from understudy.store.item_data import SavedData
from understudy.store.messages import (
    IDLE_THREAD,
    Item,
    active_run,
    add_message,
    add_message_data,
    inserted_items,
    select_first_prompt,
)
from understudy.store.project_sizes import RunLimits, check_active_runs
from understudy.store.run_state import Progress, encode_progress
from understudy.store.sql import compose_sql
from understudy.store.thread_activity import ACTIVITY_NOW
from understudy.store.threads import add_thread
from understudy.store.workers import DATABASE_NOW
from understudy.wire.messages import MessageObject
from understudy.wire.runs import RunObject
from understudy.wire.threads import ThreadObject

_ACTIVATE = compose_sql("UPDATE threads SET activations = activations + 1, last_active_at =", ACTIVITY_NOW)
_IS_PROJECT_THREAD = "id = $1 AND project_id = $2 AND body IS NOT NULL"
RunKind = Literal["run", "response"]
RESERVED_SECONDS: Final = 2.0
"""How long a run waits for a worker that is alive, and busy."""
Begun = Callable[[Sequence[Item] | None], None]
"""Called when a run is stored, or will be unless the storage fails: what depends on it may begin, out of sight.

On SQLite that is before the commit, with the newest items of the thread, since nobody can read them yet; elsewhere with
None.
"""


def insert_run_and_read(
    insert: Callable[[], Transaction[Sequence[Item] | None]], thread_id: str, *, is_new: bool
) -> Transaction[Sequence[Item]]:
    """Inserts a run, and returns what its first prompt reads of its thread, which may be new."""
    inserted = yield from insert()
    if inserted is not None:
        return inserted
    return (yield from select_first_prompt(thread_id, is_new=is_new))


def insert_run(
    database: Database,
    project_id: str,
    run: RunObject,
    owner: str | None,
    messages: Sequence[MessageObject],
    thread: ThreadObject | None,
    progress: Progress,
    fillings: Sequence[VectorStoreUpload],
    reserved_for: str | None = None,
    limits: RunLimits | None = None,
    *,
    alone: bool = True,
) -> Transaction[Sequence[Item] | None]:
    """Returns the items of a new thread, the newest first, on SQLite. `alone`: the transaction may end with it."""
    alone = alone and limits is None
    if limits is not None:
        yield from check_active_runs(project_id, progress.limited_key_id, limits)
    if thread is not None:
        _require_user_message_in(run, messages)
        yield from attach_to_stores(project_id, fillings, thread.created_at)
        bundle = add_thread(database, project_id, thread, messages, alone=alone and not fillings)
        _add_run(bundle, project_id, run, owner, progress, (), database.text_insert, "{0}")
        bundle.rows = []
        yield bundle
        return inserted_items(bundle)
    asks = bool(run.instructions) or any(message.role == "user" for message in messages)
    attaches = any(message.attachments for message in messages)
    if asks and not attaches:
        bundle = Bundle(alone=alone)
        guard = bundle.add(f"{_ACTIVATE} WHERE {IDLE_THREAD} RETURNING seq", run.thread_id, project_id)
        _add_run(
            bundle, project_id, run, owner, progress, messages, database.text_insert, guard, reserved_for=reserved_for
        )
        if (yield bundle):
            return None
    yield from activate_thread(project_id, run.thread_id)
    yield from attach(project_id, run.thread_id, messages, run.created_at)
    if not asks:
        yield from _require_user_message(run.thread_id)
    bundle = Bundle()
    _add_run(bundle, project_id, run, owner, progress, messages, database.text_insert, reserved_for=reserved_for)
    yield bundle
    return None


def insert_run_with_data(
    database: Database,
    data: SavedData,
    project_id: str,
    run: RunObject,
    owner: str | None,
    messages: Sequence[MessageObject],
    *more: Any,
) -> Transaction[None]:
    """As `insert_run`, with what the markers in the messages stand for."""
    yield from insert_run(database, project_id, run, owner, messages, *more, alone=False)
    yield from add_message_data(project_id, data, messages)


def activate_thread(project_id: str, thread_id: str) -> Transaction[None]:
    """Holds the thread, so that nobody else starts anything on it. Raises NotFound, ThreadBusy."""
    if not (yield f"{_ACTIVATE} WHERE {_IS_PROJECT_THREAD} RETURNING seq", (thread_id, project_id)):
        raise not_found("thread", thread_id)
    yield from _require_unlocked(thread_id)


def response_run_insert(
    project_id: str, run: RunObject, owner: str | None, progress: Progress, reserved_for: str | None
) -> Bundle:
    """Adds the run of a response, on a thread that is held, or that nobody else knows."""
    bundle = Bundle()
    _add_run(bundle, project_id, run, owner, progress, (), "", kind="response", reserved_for=reserved_for)
    return bundle


def _add_run(
    bundle: Bundle,
    project_id: str,
    run: RunObject,
    owner: str | None,
    progress: Progress,
    messages: Sequence[MessageObject],
    text_insert: str,
    after: str = "",
    kind: RunKind = "run",
    reserved_for: str | None = None,
) -> None:
    more: LiteralString = ", reserved_for, reserved_until" if reserved_for else ""
    values: LiteralString = compose_sql(", $15,", DATABASE_NOW, "+ $16") if reserved_for else ""
    sql = compose_sql(
        "INSERT INTO runs (id, thread_id, project_id, status, owner, attempts, expires_at, progress, body, kind,",
        "assistant_id, model, created_at, key_id",
        more,
        ") SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14",
        values,
        f"FROM {after}" if after else "",
        "RETURNING seq",
    )
    body = msgspec.json.encode(run).decode()
    expires_at = float(run.expires_at or 0)
    known = encode_progress(progress)
    row = (run.id, run.thread_id, project_id, run.status, owner, 0, expires_at, known, body, kind)
    named = (run.assistant_id, run.model, run.created_at, progress.limited_key_id or None)
    last = bundle.add(sql, *row, *named, *((reserved_for, RESERVED_SECONDS) if reserved_for else ()))
    for message in messages:
        last = add_message(bundle, text_insert, message, last)


def _require_unlocked(thread_id: str) -> Transaction[None]:
    run_id = yield from active_run(thread_id)
    if run_id is not None:
        raise ThreadBusy(thread_id, run_id)


def _require_user_message(thread_id: str) -> Transaction[None]:
    sql = "SELECT 1 FROM items WHERE thread_id = $1 AND role = 'user' AND body IS NOT NULL LIMIT 1"
    if not (yield sql, (thread_id,)):
        raise empty_thread()


def _require_user_message_in(run: RunObject, messages: Sequence[MessageObject]) -> None:
    if not run.instructions and all(message.role != "user" for message in messages):
        raise empty_thread()
