"""Stored runs and their steps: the verbs of the API and the engine, each one transaction.

A run is owned by one worker; every write of a worker is guarded by its ownership and by the table of legal transitions,
so a worker that lost a run (by a cancellation, an expiry, another worker) cannot change it.
"""

from collections.abc import Callable, Sequence
from typing import Final, Literal

import msgspec

from understudy.clock import Clock
from understudy.errors import ThreadBusy, not_found
from understudy.errors.objects import empty_thread
from understudy.store import outbox
from understudy.store.attachments import VectorStoreUpload, attach, attach_to_stores
from understudy.store.database import Bundle, Database, Row, Transaction
from understudy.store.ledger import add_usage, slot_of
from understudy.store.messages import (
    IDLE_THREAD,
    active_run,
    add_item,
    add_message,
    add_text,
    encode_metadata,
    require_thread,
    split_at_metadata,
)
from understudy.store.pages import Page, PageRequest, PageSource, read_page
from understudy.store.response_rows import load_response, write_response
from understudy.store.run_state import Checkpoint, Progress, RunHistory, StoredRun, decode_progress, encode_progress
from understudy.store.sql import compose_sql, padded_batches, sql_list, sql_parameters
from understudy.store.states import ACTIVE, EXECUTING, sources
from understudy.store.threads import add_thread
from understudy.store.workers import UNOWNED, Candidate
from understudy.wire.messages import MessageObject
from understudy.wire.responses import ResponseObject, ResponseStatus
from understudy.wire.run_outcome import RunStatus
from understudy.wire.runs import RunObject
from understudy.wire.steps import RunStepObject
from understudy.wire.threads import ThreadObject
from understudy.wire.webhooks import EventType

_RUNS = PageSource("runs", "thread_id = $1", "body IS NOT NULL AND kind = 'run'")
_STEPS = PageSource("steps", "run_id = $1")
_RUN = "SELECT body, status FROM runs WHERE id = $1 AND thread_id = $2 AND body IS NOT NULL AND kind = 'run'"
_THREAD_IN_PROJECT = " AND EXISTS (SELECT 1 FROM threads WHERE id = $2 AND project_id = $3 AND body IS NOT NULL)"
_ACTIVATE = "UPDATE threads SET activations = activations + 1"
_IS_PROJECT_THREAD = "id = $1 AND project_id = $2 AND body IS NOT NULL"
_STEP = "SELECT body FROM steps WHERE id = $1 AND run_id = $2"
_WORKABLE = sql_list(EXECUTING)
_HAS_NO_WEBHOOK = (
    "NOT EXISTS (SELECT 1 FROM webhook_endpoints WHERE project_id IN (runs.project_id, '') AND body IS NOT NULL)"
)
_CANDIDATES = compose_sql(
    "SELECT id, project_id FROM runs WHERE status IN", _WORKABLE, "AND", UNOWNED, "ORDER BY seq LIMIT $2"
)
_EXPIRED_RUNS = f"SELECT id FROM runs WHERE status IN {sql_list(ACTIVE)} AND expires_at <= $1 LIMIT $2"  # noqa: S608
# A run enters each of these states once, by a legal transition, so each webhook is sent once.
_RUN_WEBHOOKS: Final[dict[RunStatus, EventType]] = {
    "completed": "thread.run.completed",
    "failed": "thread.run.failed",
    "cancelled": "thread.run.cancelled",
    "expired": "thread.run.expired",
    "incomplete": "thread.run.incomplete",
    "requires_action": "thread.run.requires_action",
}
_RESPONSE_WEBHOOKS: Final[dict[ResponseStatus, EventType]] = {
    "completed": "response.completed",
    "failed": "response.failed",
    "cancelled": "response.cancelled",
    "incomplete": "response.incomplete",
}
RunKind = Literal["run", "response"]
_decode_run = msgspec.json.Decoder(RunObject).decode
_decode_step = msgspec.json.Decoder(RunStepObject).decode
_decode_message = msgspec.json.Decoder(MessageObject).decode


class _LeaseLost(Exception):
    pass


class Runs:
    """Public verbs raise NotFound for a thread that the project does not have, or a run that the thread has not."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    # -- for the API -------------------------------------------------------------------------------------------

    async def create(
        self,
        project_id: str,
        run: RunObject,
        owner: str | None,
        messages: Sequence[MessageObject] = (),
        thread: ThreadObject | None = None,
        progress: Progress | None = None,
        fillings: Sequence[VectorStoreUpload] = (),
    ) -> None:
        """Adds the run, before it `messages`, and before those the `thread` where it is to be made as well.

        `fillings` are the vector stores that the new thread names and that are to be made or filled with it.

        Raises ThreadBusy, and InvalidRequest where the thread holds nothing to answer.
        """
        progress = progress or Progress()
        await self._database.write(
            _insert_run, self._database, project_id, run, owner, messages, thread, progress, fillings
        )

    async def get(self, project_id: str, thread_id: str, run_id: str) -> tuple[RunStatus, str]:
        """The run's status, and its body."""
        return await self._database.read(_get, project_id, thread_id, run_id)

    async def page(self, project_id: str, thread_id: str, request: PageRequest) -> Page:
        return await self._database.read(_page, project_id, thread_id, request)

    async def modify(self, project_id: str, thread_id: str, run_id: str, change: Callable[[RunObject], None]) -> str:
        return await self._database.write(_modify, project_id, thread_id, run_id, change)

    async def get_step(self, project_id: str, thread_id: str, run_id: str, step_id: str) -> str:
        return await self._database.read(_get_step, project_id, thread_id, run_id, step_id)

    async def page_steps(self, project_id: str, thread_id: str, run_id: str, request: PageRequest) -> Page:
        return await self._database.read(_page_steps, project_id, thread_id, run_id, request)

    async def history(self, project_id: str, thread_id: str, run_id: str) -> RunHistory:
        return await self._database.read(_history, project_id, thread_id, run_id)

    # -- for the engine ----------------------------------------------------------------------------------------

    async def transition(
        self,
        project_id: str,
        thread_id: str | None,
        run_id: str,
        owner: str | None,
        change: Callable[[StoredRun], Checkpoint],
    ) -> StoredRun:
        """Lets `change` decide about the run as it is now, and stores what it says. A response has no `thread_id`.

        Used where a client changes a run (cancel, outputs). What `change` raises is raised, and nothing is stored.
        A run that nobody owned is `owner`'s afterwards; the result's own `owner` says whose it was.
        """
        return await self._database.write(
            _transition, self._database.text_insert, project_id, thread_id, run_id, owner, change
        )

    async def advance(self, owner: str, boundary: Checkpoint) -> bool:
        """Stores the changes of a run's owner; False, and nothing stored, if the owner lost the run."""
        try:
            await self._database.write(_advance, self._database, owner, boundary, self._clock.now())
        except _LeaseLost:
            return False
        return True

    async def claim(self, run_id: str, owner: str, now: float, *, due: bool = False) -> StoredRun | None:
        """Claims a run with work left; with `due`, also one that waits for tool outputs. None: another worker has it.

        One whose last owner died has one more interruption.
        """
        return await self._database.write(_claim_run, run_id, owner, now, due)

    async def list_candidates(self, now: float, limit: int) -> list[Candidate[str]]:
        """Runs with work left that no live worker owns, oldest first."""
        return await self._database.read(_list_unowned_runs, now, limit)

    async def list_expired(self, now: float, limit: int) -> list[str]:
        """Active runs whose time is over."""
        return await self._database.read(_list_expired_runs, now, limit)

    async def filter_workable(self, owner: str, run_ids: Sequence[str]) -> set[str]:
        """Those of the runs that `owner` still has to execute, or may claim: no other worker has taken them."""
        return await self._database.read(_filter_workable, owner, run_ids)

    async def status(self, run_id: str) -> RunStatus | None:
        return await self._database.read(_status, run_id)

    async def release_runs(self, owner: str) -> None:
        """Ends the claims of a worker that stops: no interruption is counted."""
        await self._database.write(_release_runs, owner)


# -- creating and reading ----------------------------------------------------------------------------------------


def _insert_run(
    database: Database,
    project_id: str,
    run: RunObject,
    owner: str | None,
    messages: Sequence[MessageObject],
    thread: ThreadObject | None,
    progress: Progress,
    fillings: Sequence[VectorStoreUpload],
) -> Transaction[None]:
    if thread is not None:
        _require_user_message_in(run, messages)
        yield from attach_to_stores(project_id, fillings, thread.created_at)
        bundle = add_thread(database, project_id, thread, messages, alone=not fillings)
        _add_run(bundle, project_id, run, owner, progress, (), database.text_insert, "{0}")
        yield bundle
        return
    asks = bool(run.instructions) or any(message.role == "user" for message in messages)
    attaches = any(message.attachments for message in messages)
    if asks and not attaches:
        bundle = Bundle(alone=True)
        guard = bundle.add(f"{_ACTIVATE} WHERE {IDLE_THREAD} RETURNING seq", run.thread_id, project_id)
        _add_run(bundle, project_id, run, owner, progress, messages, database.text_insert, guard)
        if (yield bundle):
            return
    yield from activate_thread(project_id, run.thread_id)
    yield from attach(project_id, run.thread_id, messages, run.created_at)
    if not asks:
        yield from _require_user_message(run.thread_id)
    bundle = Bundle()
    _add_run(bundle, project_id, run, owner, progress, messages, database.text_insert)
    yield bundle


def activate_thread(project_id: str, thread_id: str) -> Transaction[None]:
    """Holds the thread, so that nobody else starts anything on it. Raises NotFound, ThreadBusy."""
    if not (yield f"{_ACTIVATE} WHERE {_IS_PROJECT_THREAD} RETURNING seq", (thread_id, project_id)):
        raise not_found("thread", thread_id)
    yield from _require_unlocked(thread_id)


def insert_response_run(project_id: str, run: RunObject, owner: str | None, progress: Progress) -> Transaction[None]:
    """On a thread that is held, or that nobody else knows."""
    bundle = Bundle()
    _add_run(bundle, project_id, run, owner, progress, (), "", kind="response")
    yield bundle


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
) -> None:
    sql = compose_sql(
        "INSERT INTO runs (id, thread_id, project_id, status, owner, attempts, expires_at, progress, body,",
        "kind) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10",
        f"FROM {after}" if after else "",
        "RETURNING seq",
    )
    body = msgspec.json.encode(run).decode()
    expires_at = float(run.expires_at or 0)
    known = encode_progress(progress)
    row = (run.id, run.thread_id, project_id, run.status, owner, 0, expires_at, known, body, kind)
    last = bundle.add(sql, *row)
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


def _get(project_id: str, thread_id: str, run_id: str) -> Transaction[tuple[RunStatus, str]]:
    rows = yield _RUN + _THREAD_IN_PROJECT, (run_id, thread_id, project_id)
    if not rows:
        yield from require_thread(project_id, thread_id)
        raise not_found("run", run_id)
    return rows[0][1], rows[0][0]


def _page(project_id: str, thread_id: str, request: PageRequest) -> Transaction[Page]:
    yield from require_thread(project_id, thread_id)
    return (yield from read_page(_RUNS, (thread_id,), request))


def _modify(project_id: str, thread_id: str, run_id: str, change: Callable[[RunObject], None]) -> Transaction[str]:
    yield from require_thread(project_id, thread_id)
    rows = yield _RUN + " FOR UPDATE", (run_id, thread_id)
    if not rows:
        raise not_found("run", run_id)
    run = _decode_run(rows[0][0])
    change(run)
    body = msgspec.json.encode(run).decode()
    yield "UPDATE runs SET body = $1, metadata = $2 WHERE id = $3", (body, encode_metadata(run), run_id)
    return body


def _get_step(project_id: str, thread_id: str, run_id: str, step_id: str) -> Transaction[str]:
    yield from _get(project_id, thread_id, run_id)
    rows = yield _STEP, (step_id, run_id)
    if not rows:
        raise not_found("run step", step_id)
    return str(rows[0][0])


def _page_steps(project_id: str, thread_id: str, run_id: str, request: PageRequest) -> Transaction[Page]:
    yield from _get(project_id, thread_id, run_id)
    return (yield from read_page(_STEPS, (run_id,), request))


def _history(project_id: str, thread_id: str, run_id: str) -> Transaction[RunHistory]:
    _, body = yield from _get(project_id, thread_id, run_id)
    steps = yield "SELECT body FROM steps WHERE run_id = $1 ORDER BY seq", (run_id,)
    items = yield "SELECT body FROM items WHERE run_id = $1 AND kind = 'message' AND body IS NOT NULL", (run_id,)
    messages = [_decode_message(row[0]) for row in items]
    return RunHistory(
        _decode_run(body), [_decode_step(row[0]) for row in steps], {message.id: message for message in messages}
    )


# -- working on a run --------------------------------------------------------------------------------------------

_SELECT_RUN = "SELECT project_id, owner, attempts, progress, body FROM runs WHERE id = $1 AND body IS NOT NULL"


def _load(run_id: str, suffix: str = "") -> Transaction[StoredRun | None]:
    rows = yield _SELECT_RUN + suffix, (run_id,)
    if not rows:
        return None
    project_id, owner, interruptions, progress, body = rows[0]
    opened = yield "SELECT body FROM steps WHERE run_id = $1 AND open = 1 ORDER BY seq", (run_id,)
    steps = [_decode_step(row[0]) for row in opened]
    message = yield from _open_message(steps)
    known = decode_progress(progress)
    response = None if known.plan is None else (yield from load_response(run_id))
    return StoredRun(project_id, owner, interruptions, _decode_run(body), known, steps, message, response)


def _open_message(steps: list[RunStepObject]) -> Transaction[MessageObject | None]:
    for step in steps:
        if step.type == "message_creation":
            message_id = step.step_details.message_creation.message_id  # type: ignore[union-attr]
            rows = yield "SELECT body FROM items WHERE id = $1 AND body IS NOT NULL", (message_id,)
            if rows:
                return _decode_message(rows[0][0])
    return None


def _transition(
    text_insert: str,
    project_id: str,
    thread_id: str | None,
    run_id: str,
    owner: str | None,
    change: Callable[[StoredRun], Checkpoint],
) -> Transaction[StoredRun]:
    if thread_id is not None:
        yield from require_thread(project_id, thread_id)
    stored = yield from _load(run_id, " FOR UPDATE")
    if stored is None or stored.project_id != project_id or thread_id not in {None, stored.run.thread_id}:
        raise not_found("run", run_id)
    boundary = change(stored)
    if owner is not None:
        yield "UPDATE runs SET owner = $1 WHERE id = $2 AND owner IS NULL", (owner, run_id)
    bundle = Bundle()
    _add_guard(bundle, boundary)
    _add_rows(bundle, text_insert, boundary)
    yield bundle
    if boundary.response is not None:
        yield from write_response(boundary.response)
    return stored


def _advance(database: Database, owner: str, boundary: Checkpoint, now: float) -> Transaction[None]:
    run = boundary.run
    # One that stays in progress may still have come further.
    staying: tuple[RunStatus, ...] = ("in_progress",) if run is None or run.status == "in_progress" else ()
    allowed = sql_list((*staying, *(sources(run.status) if run is not None else ())))
    mine = f" AND status IN {allowed} AND owner = $2"
    if boundary.response is not None:
        yield from _advance_response(database, boundary, boundary.response, owner, mine, now)
        return
    event = _RUN_WEBHOOKS.get(run.status) if run is not None else None
    # Without a webhook endpoint, the usual case, one statement is enough.
    if (
        yield _build_advance(database, boundary, owner, f"{mine} AND {_HAS_NO_WEBHOOK}" if event else mine, alone=True)
    ):
        return
    rows = (yield _build_advance(database, boundary, owner, mine)) if event else []
    if not rows:
        raise _LeaseLost
    if event and run is not None:
        yield from outbox.add(rows[0][1], event, {"id": run.id, "thread_id": run.thread_id}, now)


def _advance_response(
    database: Database, boundary: Checkpoint, response: ResponseObject, owner: str, condition: str, now: float
) -> Transaction[None]:
    rows = yield _build_advance(database, boundary, owner, condition)
    if not rows:
        raise _LeaseLost
    yield from write_response(response)
    event = _RESPONSE_WEBHOOKS.get(response.status)
    if event is not None and response.background:
        yield from outbox.add(rows[0][1], event, {"id": response.id}, now)


def _build_advance(
    database: Database, boundary: Checkpoint, owner: str, condition: str, *, alone: bool = False
) -> Bundle:
    bundle = Bundle(alone)
    _add_guard(bundle, boundary, condition, owner)
    _add_rows(bundle, database.text_insert, boundary)
    for usage in boundary.used:
        add_usage(bundle, "{0}", boundary.project_id, usage, slot_of(database))
    return bundle


def _add_guard(bundle: Bundle, boundary: Checkpoint, condition: str = "", *args: str) -> None:
    """What changes the run's row or, where nothing of it changes, holds it. In `condition`, `$1` is the run's id."""
    run = boundary.run
    values = _TextValues([boundary.run_id, *args])
    if run is None and boundary.interrupted:
        sql = compose_sql(
            "UPDATE runs SET attempts = 0 WHERE id = $1 AND body IS NOT NULL", condition, "RETURNING seq, project_id"
        )
        bundle.add(sql, *values)
        return
    if run is None:
        sql = compose_sql("SELECT seq FROM runs WHERE id = $1 AND body IS NOT NULL", condition, "FOR UPDATE")
        bundle.add(sql, *values)
        return

    sets = ["attempts = 0", f"status = {values.add(run.status)}", f"body = {_changed_body(run, values)}"]
    if boundary.progress is not None:
        sets.append(f"progress = {values.add(encode_progress(boundary.progress))}")
    if boundary.release:
        sets.append("owner = NULL")
    sql = compose_sql(
        "UPDATE runs SET", ", ".join(sets), "WHERE id = $1 AND body IS NOT NULL", condition, "RETURNING seq, project_id"
    )
    bundle.add(sql, *values)


class _TextValues(list[str]):
    """The values of a statement."""

    def add(self, value: str) -> str:
        """Adds a value; returns its expression."""
        self.append(value)
        return f"CAST(${len(self)} AS TEXT)"


def _changed_body(subject: RunObject | MessageObject, values: _TextValues) -> str:
    """The object as the engine has it, with the metadata that a client may have set in the meantime."""
    before, behind = split_at_metadata(subject)
    return f"{values.add(before)} || COALESCE(metadata, {values.add(encode_metadata(subject))}) || {values.add(behind)}"


def _add_rows(bundle: Bundle, text_insert: str, boundary: Checkpoint) -> None:
    """Steps, messages and other items; `{0}` is the run's row."""
    for step in boundary.new_steps:
        sql = "INSERT INTO steps (id, run_id, open, body) SELECT $1, $2, $3, $4 FROM {0}"
        bundle.add(sql, step.id, step.run_id, _is_unfinished(step), msgspec.json.encode(step).decode())
    for step in boundary.changed_steps:
        sql = "UPDATE steps SET open = $2, body = $3 WHERE id = $1 AND EXISTS (SELECT 1 FROM {0})"
        bundle.add(sql, step.id, _is_unfinished(step), msgspec.json.encode(step).decode())
    for message in boundary.changed_messages:
        _add_changed_message(bundle, text_insert, message)
    last = "{0}"
    run = boundary.run
    for call in boundary.calls:
        assert run is not None
        last = add_item(bundle, call.id, run.thread_id, run.id, call.kind, None, call.body, after=last)
    for message in boundary.new_messages:
        last = add_message(bundle, text_insert, message, last)


def _is_unfinished(step: RunStepObject) -> int:
    return int(step.status == "in_progress")


def _add_changed_message(bundle: Bundle, text_insert: str, message: MessageObject) -> None:
    """Nothing happens to one that a client has deleted while it was being written."""
    values = _TextValues([message.id])
    sql = compose_sql(
        "UPDATE items SET body =",
        _changed_body(message, values),
        "WHERE id = $1 AND body IS NOT NULL AND EXISTS (SELECT 1 FROM {0}) RETURNING seq, id",
    )
    add_text(bundle, text_insert, bundle.add(sql, *values), message)


def _claim_run(run_id: str, owner: str, now: float, due: bool) -> Transaction[StoredRun | None]:
    statuses = sql_list(ACTIVE) if due else _WORKABLE
    sql = (
        "UPDATE runs SET owner = $2,"  # noqa: S608
        " attempts = attempts + CASE WHEN owner IS NULL OR owner = $2 THEN 0 ELSE 1 END"
        f" WHERE id = $3 AND status IN {statuses}"
        f" AND body IS NOT NULL AND (owner = $2 OR {UNOWNED}) RETURNING seq"
    )
    if not (yield sql, (now, owner, run_id)):
        return None
    return (yield from _load(run_id))


def _list_unowned_runs(now: float, limit: int) -> Transaction[list[Candidate[str]]]:
    return [Candidate(*row) for row in (yield _CANDIDATES, (now, limit))]


def _list_expired_runs(now: float, limit: int) -> Transaction[list[str]]:
    return [row[0] for row in (yield _EXPIRED_RUNS, (now, limit))]


def _filter_workable(owner: str, run_ids: Sequence[str]) -> Transaction[set[str]]:
    found: set[str] = set()
    for some in padded_batches(run_ids):
        sql = (
            f"SELECT id FROM runs WHERE id IN ({sql_parameters(2, len(some))})"  # noqa: S608 - numbers only
            f" AND status IN {_WORKABLE} AND (owner IS NULL OR owner = $1)"
        )
        rows: list[Row] = yield sql, (owner, *some)
        found.update(row[0] for row in rows)
    return found


def _status(run_id: str) -> Transaction[RunStatus | None]:
    rows = yield "SELECT status FROM runs WHERE id = $1 AND body IS NOT NULL", (run_id,)
    return rows[0][0] if rows else None


def _release_runs(owner: str) -> Transaction[None]:
    yield f"UPDATE runs SET owner = NULL WHERE owner = $1 AND status IN {sql_list(ACTIVE)}", (owner,)  # noqa: S608
