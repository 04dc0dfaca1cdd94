"""Where the items of a response belong: its thread, the context before it, and calls that match their outputs.

A response without a conversation has a thread without a row. A response that continues the newest one of that thread
uses the same thread; one that continues an older response starts a branch after the older one's items.
"""

from collections.abc import Sequence
from typing import LiteralString

import msgspec

from understudy.errors import NotFound, ThreadBusy
from understudy.errors.objects import (
    call_without_output,
    conversation_locked,
    conversation_not_found,
    output_without_call,
    previous_response_in_progress,
    previous_response_not_found,
)
from understudy.store.database import Transaction
from understudy.store.messages import active_run, require_thread
from understudy.store.response_items import NEWEST_ITEM, ItemRow
from understudy.store.response_rows import SELECT_STORED, SELECT_UNSTORED
from understudy.store.run_creation import activate_thread
from understudy.store.run_state import ContextPart
from understudy.store.sql import compose_sql

_CALLS = (
    *("function_call", "custom_tool_call", "apply_patch_call", "shell_call", "local_shell_call", "tool_search_call"),
    "computer_call",
)
_CALL_LIST = ", ".join(f"'{kind}'" for kind in _CALLS)
_OUTPUT_LIST = (
    "'function_call_output', 'custom_tool_call_output', 'apply_patch_call_output', 'shell_call_output',"
    " 'local_shell_call_output', 'tool_search_output', 'computer_call_output'"
)


class ResponsePlacement(msgspec.Struct, frozen=True):
    """Where a response's items belong: its thread, and what goes before that."""

    thread_id: str
    context: list[ContextPart] = []


def locate_response(
    project_id: str,
    response_id: str,
    previous_id: str | None,
    conversation_thread: str | None,
    lock: bool,
    *,
    kept: bool = True,
    follows_unstored: bool = False,
) -> Transaction[ResponsePlacement]:
    """`kept`: the response is to be stored. `follows_unstored`: the one before it is not, and is not erased yet."""
    if conversation_thread is not None:
        hold = activate_thread if lock else require_thread
        try:
            yield from hold(project_id, conversation_thread)
        except NotFound:
            raise conversation_not_found(conversation_thread) from None
        except ThreadBusy as busy:
            raise conversation_locked(busy.run_id) from None
        return ResponsePlacement(conversation_thread)
    if previous_id is None:
        return ResponsePlacement(response_id)
    select = SELECT_UNSTORED if follows_unstored else SELECT_STORED
    # A response that is to be erased leaves nothing behind in the thread of one that stays.
    shares = kept or follows_unstored
    return (yield from _place_after_response(project_id, response_id, previous_id, select, lock, shares))


def _place_after_response(
    project_id: str, response_id: str, previous_id: str, select: LiteralString, lock: bool, shares: bool
) -> Transaction[ResponsePlacement]:
    """`shares`: the response may continue the thread of the one before it."""
    rows = yield select + (" FOR UPDATE" if lock else ""), (previous_id, project_id)
    if not rows:
        raise previous_response_not_found(previous_id)
    thread_id, last_seq = rows[0][:2]
    if last_seq is None:
        raise previous_response_in_progress(previous_id)
    sql = "SELECT thread_id, last_seq FROM response_contexts WHERE response_id = $1 ORDER BY position"
    context = [ContextPart(*row) for row in (yield sql, (previous_id,))]
    if shares and is_shared(thread_id) and (yield from _is_newest(thread_id, int(last_seq))):
        return ResponsePlacement(str(thread_id), context)
    return ResponsePlacement(response_id, [*context, ContextPart(thread_id, last_seq)])


def is_shared(thread_id: str) -> bool:
    """Whether it is a thread that only responses have."""
    return thread_id.startswith("resp_")


def _is_newest(thread_id: str, last_seq: int) -> Transaction[bool]:
    """Whether the thread has no item after `last_seq` and no active run."""
    sql = "SELECT 1 FROM items WHERE thread_id = $1 AND seq > $2 AND body IS NOT NULL LIMIT 1"
    if (yield sql, (thread_id, last_seq)):
        return False
    return (yield from active_run(thread_id)) is None


def check_outputs(place: ResponsePlacement, previous_id: str | None, items: Sequence[ItemRow]) -> Transaction[None]:
    """A call and its output come together: providers refuse one without the other."""
    given = {item.answers for item in items if item.answers is not None}
    if previous_id is None and not given:
        return
    here = {_call_id(item.body) for item in items if item.kind in _CALLS}
    called = [] if previous_id is None else (yield from _calls_of(previous_id))
    if given - here - set(called):
        known = yield from _calls_before(place)
        for call_id in (item.answers for item in items):
            if call_id is not None and call_id not in known | here:
                raise output_without_call(call_id)
    if previous_id is None:
        return
    answered = given | (yield from _answered_call_ids(previous_id)) if called else given
    for call_id in called:
        if call_id not in answered:
            raise call_without_output(call_id)


def _calls_of(run_id: str) -> Transaction[list[str]]:
    """The calls of a response, in order."""
    sql = compose_sql("SELECT body FROM items WHERE run_id = $1 AND kind IN (", _CALL_LIST, ") ORDER BY seq")
    rows = yield sql, (run_id,)
    return [call_id for row in rows if row[0] is not None and (call_id := _call_id(row[0])) is not None]


def _answered_call_ids(run_id: str) -> Transaction[set[str]]:
    sql = compose_sql("SELECT body FROM items WHERE run_id = $1 AND kind IN (", _OUTPUT_LIST, ")")
    rows = yield sql, (run_id,)
    return {call_id for row in rows if row[0] is not None and (call_id := _call_id(row[0])) is not None}


def _calls_before(place: ResponsePlacement) -> Transaction[set[str]]:
    found: set[str] = set()
    for thread_id, last_seq in (*((part.thread_id, part.last_seq) for part in place.context), (place.thread_id, None)):
        sql = compose_sql(
            "SELECT body FROM items WHERE thread_id = $1 AND seq <= $2 AND body IS NOT NULL AND kind IN (",
            _CALL_LIST,
            ")",
        )
        rows = yield sql, (thread_id, NEWEST_ITEM if last_seq is None else last_seq)
        found |= {call_id for row in rows if (call_id := _call_id(row[0])) is not None}
    return found


class _Call(msgspec.Struct):
    """`call_id` None of what needs no output: a search of tools that a server has made."""

    call_id: str | None = None


_decode_call = msgspec.json.Decoder(_Call).decode


def _call_id(body: str) -> str | None:
    return _decode_call(body).call_id
