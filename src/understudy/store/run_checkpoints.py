"""Changes of a run: what its worker reached, and what a client does to it.

Every write of a worker is guarded by its ownership and by the table of legal transitions, so a worker that lost a run
(by a cancellation, an expiry, another worker) cannot change it.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Final, LiteralString

import msgspec

from understudy.errors import not_found
from understudy.store import outbox
from understudy.store.charges import add_usage, slot_of
from understudy.store.database import Bundle, Database, Transaction
from understudy.store.item_images import add_image
from understudy.store.messages import (
    add_item,
    add_message,
    add_text,
    encode_metadata,
    require_thread,
    split_at_metadata,
)
from understudy.store.response_placement import is_shared
from understudy.store.response_rows import load_response, write_response
from understudy.store.run_creation import RESERVED_SECONDS
from understudy.store.run_state import (
    Checkpoint,
    StoredRun,
    decode_message,
    decode_progress,
    decode_run,
    decode_step,
    encode_progress,
)
from understudy.store.sql import compose_sql, sql_list
from understudy.store.states import sources
from understudy.store.workers import DATABASE_NOW
from understudy.wire.messages import MessageObject
from understudy.wire.responses import ResponseObject, ResponseStatus
from understudy.wire.run_outcome import RunStatus
from understudy.wire.runs import RunObject
from understudy.wire.steps import RunStepObject
from understudy.wire.webhooks import EventType

_HAS_NO_WEBHOOK = (
    "NOT EXISTS (SELECT 1 FROM webhook_endpoints WHERE project_id IN (runs.project_id, '') AND body IS NOT NULL)"
)
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


# The owner of a run, and the epoch of its claim.
_Claim = tuple[str, int]


class LeaseLost(Exception):
    pass


_RESERVE = compose_sql("UPDATE runs SET reserved_for = $2, reserved_until =", DATABASE_NOW, "+ $3 WHERE id = $1")
_SELECT_RUN = "SELECT project_id, owner, attempts, epoch, progress, body FROM runs WHERE id = $1 AND body IS NOT NULL"


def load_run(run_id: str, suffix: str = "") -> Transaction[StoredRun | None]:
    rows = yield _SELECT_RUN + suffix, (run_id,)
    if not rows:
        return None
    project_id, owner, interruptions, epoch, progress, body = rows[0]
    opened = yield "SELECT body FROM steps WHERE run_id = $1 AND open = 1 ORDER BY seq", (run_id,)
    steps = [decode_step(row[0]) for row in opened]
    message = yield from _open_message(steps)
    known = decode_progress(progress)
    response = None if known.plan is None else (yield from load_response(run_id))
    return StoredRun(project_id, owner, interruptions, decode_run(body), known, steps, message, response, epoch)


def _open_message(steps: list[RunStepObject]) -> Transaction[MessageObject | None]:
    for step in steps:
        if step.type == "message_creation":
            message_id = step.step_details.message_creation.message_id  # type: ignore[union-attr]
            rows = yield "SELECT body FROM items WHERE id = $1 AND body IS NOT NULL", (message_id,)
            if rows:
                return decode_message(rows[0][0])
    return None


def transition(
    text_insert: str,
    project_id: str,
    thread_id: str | None,
    run_id: str,
    owner: str | None,
    change: Callable[[StoredRun], Checkpoint],
    reserved_for: str | None = None,
) -> Transaction[StoredRun]:
    if thread_id is not None:
        yield from require_thread(project_id, thread_id)
    stored = yield from load_run(run_id, " FOR UPDATE")
    if stored is None or stored.project_id != project_id or thread_id not in {None, stored.run.thread_id}:
        raise not_found("run", run_id)
    boundary = change(stored)
    # Without an owner as well: the events of the change have numbers that no earlier owner has used.
    sql = "UPDATE runs SET owner = $1, epoch = epoch + 1 WHERE id = $2 AND owner IS NULL RETURNING epoch"
    for (epoch,) in (yield sql, (owner, run_id)):
        stored.epoch = epoch
    if reserved_for is not None:
        yield _RESERVE, (run_id, reserved_for, RESERVED_SECONDS)
    bundle = Bundle()
    _add_guard(bundle, boundary)
    _add_rows(bundle, text_insert, boundary)
    yield bundle
    if boundary.response is not None:
        yield from write_response(boundary.response, boundary.response_body)
    return stored


def advance(database: Database, owner: str, epoch: int, boundary: Checkpoint, now: float) -> Transaction[None]:
    run = boundary.run
    mine = _claim_condition(None if run is None else run.status)
    claim = (owner, epoch)
    if boundary.response is not None:
        yield from _advance_response(database, boundary, boundary.response, claim, mine, now)
        return
    event = _RUN_WEBHOOKS.get(run.status) if run is not None else None
    # Without a webhook endpoint, the usual case, one statement is enough.
    if (
        yield _build_advance(database, boundary, claim, f"{mine} AND {_HAS_NO_WEBHOOK}" if event else mine, alone=True)
    ):
        return
    rows = (yield _build_advance(database, boundary, claim, mine)) if event else []
    if not rows:
        raise LeaseLost
    if event and run is not None:
        yield from outbox.add(rows[0][1], event, {"id": run.id, "thread_id": run.thread_id}, now)


@cache
def _claim_condition(target: RunStatus | None) -> LiteralString:
    """That the worker still has the run, and may bring it to `target`; None is without another status."""
    # One that stays in progress may still have come further.
    staying: tuple[RunStatus, ...] = ("in_progress",) if target in {None, "in_progress"} else ()
    allowed = sql_list((*staying, *(sources(target) if target is not None else ())))
    return compose_sql(" AND status IN", allowed, "AND owner = $2 AND epoch = $3")


def _advance_response(
    database: Database, boundary: Checkpoint, response: ResponseObject, claim: _Claim, condition: str, now: float
) -> Transaction[None]:
    rows = yield _build_advance(database, boundary, claim, condition)
    if not rows:
        raise LeaseLost
    for call in boundary.calls:
        if call.image is not None:
            yield from add_image(boundary.project_id, (call.id, response.id), call.image)
    yield from write_response(response, boundary.response_body)
    event = _RESPONSE_WEBHOOKS.get(response.status)
    if event is not None and response.background:
        yield from outbox.add(rows[0][1], event, {"id": response.id}, now)


def _build_advance(
    database: Database, boundary: Checkpoint, claim: _Claim, condition: str, *, alone: bool = False
) -> Bundle:
    bundle = Bundle(alone)
    _add_guard(bundle, boundary, condition, *claim)
    _add_rows(bundle, database.text_insert if _is_searched(boundary) else None, boundary)
    for usage in boundary.used:
        add_usage(bundle, "{0}", boundary.project_id, usage, slot_of(database))
    return bundle


def _add_guard(bundle: Bundle, boundary: Checkpoint, condition: str = "", *args: str | int) -> None:
    """What changes the run's row or, where nothing of it changes, holds it. In `condition`, `$1` is the run's id."""
    run = boundary.run
    values = _TextValues([boundary.run_id, *args])
    if run is None and (boundary.interrupted or boundary.is_resumable):
        changes = ["attempts = 0"] if boundary.interrupted else []
        if boundary.is_resumable and boundary.progress is not None:
            changes.append(f"progress = {values.add(encode_progress(boundary.progress))}")
        sql = compose_sql(
            "UPDATE runs SET",
            ", ".join(changes),
            "WHERE id = $1 AND body IS NOT NULL",
            condition,
            "RETURNING seq, project_id",
        )
        bundle.add(sql, *values)
        return
    if run is None:
        sql = compose_sql("SELECT seq FROM runs WHERE id = $1 AND body IS NOT NULL", condition, "FOR UPDATE")
        bundle.add(sql, *values)
        return

    sets = [f"status = {values.add(run.status)}", f"body = {_changed_body(run, values)}"]
    if not boundary.only_opens:
        sets.append("attempts = 0")
    if boundary.progress is not None:
        sets.append(f"progress = {values.add(encode_progress(boundary.progress))}")
    if boundary.release:
        sets.append("owner = NULL")
    sql = compose_sql(
        "UPDATE runs SET", ", ".join(sets), "WHERE id = $1 AND body IS NOT NULL", condition, "RETURNING seq, project_id"
    )
    bundle.add(sql, *values)


class _TextValues(list[Any]):
    """The values of a statement."""

    def add(self, value: str) -> str:
        """Adds a value; returns its expression."""
        self.append(value)
        return f"CAST(${len(self)} AS TEXT)"


def _changed_body(subject: RunObject | MessageObject, values: _TextValues) -> str:
    """The object as the engine has it, with the metadata that a client may have set in the meantime."""
    before, behind = split_at_metadata(subject)
    return f"{values.add(before)} || COALESCE(metadata, {values.add(encode_metadata(subject))}) || {values.add(behind)}"


def _is_searched(boundary: Checkpoint) -> bool:
    """Whether the text of the messages is found: not that of a response that is to be erased, outside conversations."""
    run, response = boundary.run, boundary.response
    return response is None or response.store or run is None or not is_shared(run.thread_id)


def _add_rows(bundle: Bundle, text_insert: str | None, boundary: Checkpoint) -> None:
    """Steps, messages and other items; `{0}` is the run's row."""
    for step in boundary.new_steps:
        sql = "INSERT INTO steps (id, run_id, open, body) SELECT $1, $2, $3, $4 FROM {0}"
        bundle.add(sql, step.id, step.run_id, _is_unfinished(step), msgspec.json.encode(step).decode())
    for step in boundary.changed_steps:
        sql = "UPDATE steps SET open = $2, body = $3 WHERE id = $1 AND EXISTS (SELECT 1 FROM {0})"
        bundle.add(sql, step.id, _is_unfinished(step), msgspec.json.encode(step).decode())
    for step_id in boundary.abandoned_steps:
        bundle.add("DELETE FROM steps WHERE id = $1 AND EXISTS (SELECT 1 FROM {0})", step_id)
    for message_id in boundary.abandoned_messages:
        # It has no text yet: that is stored with the end of a message.
        bundle.add("UPDATE items SET body = NULL WHERE id = $1 AND EXISTS (SELECT 1 FROM {0})", message_id)
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


def _add_changed_message(bundle: Bundle, text_insert: str | None, message: MessageObject) -> None:
    """Nothing happens to one that a client has deleted while it was being written."""
    values = _TextValues([message.id])
    sql = compose_sql(
        "UPDATE items SET body =",
        _changed_body(message, values),
        "WHERE id = $1 AND body IS NOT NULL AND EXISTS (SELECT 1 FROM {0}) RETURNING seq, id",
    )
    add_text(bundle, text_insert, bundle.add(sql, *values), message)
