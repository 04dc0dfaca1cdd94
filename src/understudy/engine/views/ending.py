"""The end of a run whose log lacks it: its owner stored the end, and died before it stored the log. Pure."""

from collections.abc import Iterator
from dataclasses import replace

import msgspec
from msgspec import UNSET

from understudy.engine.run import events
from understudy.engine.views.assistants import RunView
from understudy.engine.views.replay import end_events, restored_event, run_events
from understudy.store.run_state import RunHistory, StoredRun
from understudy.wire.responses import ResponseObject
from understudy.wire.runs import RunObject


def ending_events(stored: StoredRun, history: RunHistory | None, at: int) -> Iterator[events.Event]:
    """What a run that has ended has and any beginning of its log has not: the difference, and the end.

    `history` is that of a run of the Assistants API; a response has none.
    """
    if stored.response is None:
        past = history or RunHistory(stored.run, [], {})
        active = replace(stored, run=_run_before_end(past))
        yield restored_event(active, past, at)
        yield from end_events(past)
        return
    response = stored.response
    run = msgspec.structs.replace(stored.run, status="in_progress")
    active = replace(stored, run=run, response=_response_before_end(response))
    yield restored_event(active, None, at)
    code = None if response.error is None else response.error.code
    for event in end_events(RunHistory(stored.run, [], {})):
        yield msgspec.structs.replace(event, code=code) if isinstance(event, events.RunEnded) else event


def _run_before_end(history: RunHistory) -> RunObject:
    replay = list(run_events(history, 0))
    return RunView.of(replay[: len(replay) - len(list(end_events(history)))]).run


def _response_before_end(response: ResponseObject) -> ResponseObject:
    return msgspec.structs.replace(
        response,
        status="in_progress",
        billing=UNSET,
        completed_at=None,
        error=None,
        incomplete_details=None,
        usage=None,
    )
