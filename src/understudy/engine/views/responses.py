"""The Responses view of a run: events in, the response and the typed events of its streams out. Pure.

Every event of a stream has the next number, and each delta of the engine is one event, so that a reader can resume
after any number. Every object is replaced and never changed, so that whatever holds one has it as it was.
"""

from array import array
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET

from understudy.engine.run import events
from understudy.engine.views import response_calls, response_messages
from understudy.engine.views.difference import remaining_calls, remaining_message, remaining_reasoning
from understudy.engine.views.item_replay import item_events
from understudy.engine.views.origins import Origin, RestoredOrigin
from understudy.engine.views.output_texts import item_texts
from understudy.engine.views.response_stream import ResponseStream
from understudy.engine.views.stream_outline import mark_delta, mark_event
from understudy.engine.views.tool_usage import count_searches
from understudy.wire.response_events import (
    CompactionCompacting,
    ReasoningSummaryPartAdded,
    ReasoningSummaryPartDone,
    ReasoningSummaryTextDelta,
    ReasoningSummaryTextDone,
    ResponseStreamEvent,
)
from understudy.wire.response_items import CompactionItem, OutputItem, ReasoningItem, SummaryText
from understudy.wire.responses import (
    InputTokensDetails,
    OutputTokensDetails,
    ResponseError,
    ResponseIncompleteDetails,
    ResponseObject,
    ResponseStatus,
    ResponseUsage,
)
from understudy.wire.run_outcome import RunCompletionUsage, RunStatus

_replace: Final = msgspec.structs.replace
_Stream = list[ResponseStreamEvent]
_RESPONSE_STATUS: Final[dict[RunStatus, ResponseStatus]] = {
    "completed": "completed",
    "incomplete": "incomplete",
    "cancelled": "cancelled",
    "failed": "failed",
    "expired": "failed",
}
# Which event ends the stream of a response that ended so.
_FINAL_EVENT: Final = {
    "completed": "completed",
    "failed": "failed",
    "incomplete": "incomplete",
    "cancelled": "incomplete",
}
# The last numbers before those of a run's next owner are of the events with which a view catches up.
RESTORED_NUMBERS: Final = 10_000
# The first number of calls that a view renders after their end; open calls have lower ones.
_MISSED_CALLS: Final = 1_000_000
_EXPIRED_MESSAGE: Final = "The response took longer than this server allows."


class ResponseView:
    """The response as the events so far describe it.

    `included` are the parts of items that the client requested beyond those of every response.
    """

    def __init__(self, included: frozenset[str] = frozenset()) -> None:
        self._stream = stream = ResponseStream()
        self._messages = response_messages.ResponseMessages(stream)
        self._calls = response_calls.ResponseCalls(stream, included)
        self.end_event: events.RunEnded | None = None
        self.outline: array[int] | None = None
        """Collects the marks of all events, where it is an array; None again once an earlier owner has sent some."""
        self._is_loaded = False
        self._included = included
        self._reasoning: tuple[int, ReasoningItem] | None = None
        self._reasoning_texts: list[str] = []

    @property
    def response(self) -> ResponseObject:
        """The response with all of its items, the open ones as they were opened."""
        return self._stream.current()

    @property
    def sequence(self) -> int:
        """The number of the next event of the stream."""
        return self._stream.sequence

    def apply(self, event: events.Event, merged: int = 0) -> Sequence[ResponseStreamEvent]:
        """Applies the event; returns what streams show of it. `merged` deltas were merged into the event."""
        self._stream.merged = merged
        kind = type(event)
        stream: Sequence[ResponseStreamEvent] = ()
        if of_message := response_messages.HANDLERS.get(kind):
            stream = of_message(self._messages, event)
        elif handler := _HANDLERS.get(kind):
            stream = handler(self, event)
        elif of_call := response_calls.HANDLERS.get(kind):
            stream = of_call(self._calls, event)
        self._stream.merged = 0
        if self.outline is not None:
            self.outline.extend(map(mark_event, stream))
        return stream

    @property
    def is_obfuscated(self) -> bool:
        """Whether deltas hide their length."""
        return self._stream.obfuscated

    def extend_text(self, texts: Sequence[str], merged: int = 0) -> int | None:
        """Applies text deltas that only continue the text; returns the number of the first.

        None where there is more to it, and nothing was applied. `merged` deltas were merged into the first.
        """
        self._stream.merged = merged
        number = self._messages.extend_text(texts)
        if self.outline is not None and number is not None:
            self.outline.extend([mark_delta(len(text)) for text in texts])
        return number

    def settled(self) -> ResponseObject:
        """The response with its complete items, as it is read while it is in progress."""
        return self._stream.settled()

    def output_texts(self) -> list[str]:
        """The texts of the output so far, those of its open items last."""
        closed = [text for item in self._stream.completed_items() for text in item_texts(item)]
        reasoning = "".join(self._reasoning_texts) if self._reasoning is not None else ""
        texts = [*closed, reasoning, *self._messages.open_texts(), *self._calls.open_texts()]
        return [text for text in texts if text]

    # -- the response ------------------------------------------------------------------------------------------

    def _on_queued(self, event: events.RunQueued) -> _Stream:
        origin: Origin = event.origin
        assert origin.response is not None
        self._stream.obfuscated = origin.obfuscated
        return self._begin(origin.response)

    def _on_replayed(self, event: events.ResponseReplayed) -> _Stream:
        return self._begin(event.origin)

    def _begin(self, response: ResponseObject) -> _Stream:
        self._stream.response = response
        self._stream.output = []
        self._is_loaded = True
        if not response.background:
            # Its stream cannot be resumed.
            self.outline = None
        stream = [self._stream.response_event("created")]
        if response.background:
            stream.append(self._stream.response_event("queued"))
        return stream

    def _on_restored(self, event: events.RunRestored) -> _Stream:
        """What the stored response has and this view has not, and the end of what this view has and it has not."""
        origin: RestoredOrigin = event.origin
        assert origin.response is not None
        # Whatever a view has rendered before, and renders here, the next event has the same number in all of them.
        reserved = origin.sequence - RESTORED_NUMBERS if event.status != "queued" else 0
        self._stream.sequence = max(self._stream.sequence, reserved)
        if event.status != "queued":
            self.outline = None
        # Without a step, no event of the calls was published.
        calls = [call for call in (origin.calls if origin.steps else ()) if call.item_id]
        known = {item.id for item in origin.response.output}
        stream: _Stream = []
        if self._is_loaded:
            if self._stream.response.status == "queued" and origin.response.status == "in_progress":
                self._stream.response = _replace(self._stream.response, status="in_progress")
                stream.append(self._stream.response_event("in_progress"))
            continued = {*known, *(call.item_id for call in calls)}
            # An owner that this view has missed may have begun the turn again, and ended it.
            stream += self._abandon_items(continued)
            stream += self._finish_missed_items(origin.response)
            self._stream.abandon_all_but(continued)
        else:
            self._stream.output = list(origin.response.output)
        rendered = {item.id for item in self._stream.output}
        self._stream.response = origin.response
        self._is_loaded = True
        for call in calls:
            if call.item_id not in rendered:
                stream += self._calls.reopen(call, origin.container_id)
        self._stream.sequence = origin.sequence
        return stream

    def _finish_missed_items(self, response: ResponseObject) -> _Stream:
        """The rest of the items that are stored."""
        missed: list[events.Event] = []
        closed = self._stream.closed_ids()
        for number, item in enumerate(response.output):
            if item.id in closed:
                continue
            index = self._calls.index_of(item.id)
            replay = item_events(_MISSED_CALLS + number if index is None else index, item)
            if index is not None:
                replay = remaining_calls(replay, self._calls.rendered(index))
            elif self._messages.is_open_as(item.id):
                replay = remaining_message(replay, self._messages.rendered())
            elif self._reasoning is not None and self._reasoning[1].id == item.id:
                replay = remaining_reasoning(replay, sum(map(len, self._reasoning_texts)))
            missed += replay
        return [stream for event in missed for stream in self.apply(event)]

    def _abandon_items(self, continued: Collection[str | None]) -> _Stream:
        """Ends the open items but those, as incomplete."""
        stream: _Stream = []
        if self._reasoning is not None and self._reasoning[1].id not in continued:
            stream += self._close_reasoning("", whole=False)
        if self._messages.item_id not in {None, *continued}:
            stream += self._messages.close("incomplete")
        return stream + self._calls.close_all_but(continued)

    def _on_started(self, _: events.RunStarted) -> _Stream:
        if self._stream.response.status != "in_progress":
            self._stream.response = _replace(self._stream.response, status="in_progress")
        return [self._stream.response_event("in_progress")]

    def _on_ended(self, event: events.RunEnded) -> _Stream:
        status = _RESPONSE_STATUS[event.status]
        stream = self.close_items(whole=status == "completed")
        self._stream.response = _end_response(self._stream.response, event, status, self._stream.items())
        self.end_event = event
        stream.append(self._stream.response_event(_FINAL_EVENT[status]))
        return stream

    def close_items(self, *, whole: bool) -> _Stream:
        """Closes the open items; as incomplete where they are not `whole`."""
        stream = self._close_reasoning("", whole=whole)
        if self._messages.is_open:
            stream += self._messages.close("completed" if whole else "incomplete")
        stream += self._calls.close_all(whole=whole)
        return stream

    def end(self, response: ResponseObject) -> _Stream:
        """The end of a stream of `response`, which had ended before the stream began."""
        stream = self.close_items(whole=False)
        self._stream.response = _replace(response, billing=UNSET)
        self._stream.output = list(response.output)
        self._stream.abandoned = set()
        return [*stream, self._stream.response_event(_FINAL_EVENT.get(response.status, "incomplete"))]

    # -- reasoning ---------------------------------------------------------------------------------------------

    def _on_reasoning_opened(self, event: events.ReasoningOpened) -> _Stream:
        item = ReasoningItem(id=event.item_id)
        index = self._stream.add(item)
        self._reasoning = index, item
        self._reasoning_texts = []
        return [self._stream.item_added(index, item)]

    def _on_reasoning_delta(self, event: events.ReasoningDelta) -> _Stream:
        if self._reasoning is None or not self._is_summary_requested():
            return []
        index, item = self._reasoning
        place: dict[str, Any] = {"item_id": item.id, "output_index": index}
        stream: _Stream = []
        if not self._reasoning_texts:
            stream.append(self._stream.event(ReasoningSummaryPartAdded, part=SummaryText(""), **place))
        self._reasoning_texts.append(event.text)
        return [*stream, self._stream.delta(ReasoningSummaryTextDelta, event.text, **place)]

    def _on_reasoning_closed(self, event: events.ReasoningClosed) -> _Stream:
        return self._close_reasoning(event.sealed)

    def _close_reasoning(self, sealed: str, *, whole: bool = True) -> _Stream:
        if self._reasoning is None:
            return []
        index, item = self._reasoning
        self._reasoning = None
        stream: _Stream = []
        if self._reasoning_texts:
            text = "".join(self._reasoning_texts)
            item = _replace(item, summary=[SummaryText(text)])
            place: dict[str, Any] = {"item_id": item.id, "output_index": index}
            stream.append(self._stream.event(ReasoningSummaryTextDone, text=text, **place))
            stream.append(self._stream.event(ReasoningSummaryPartDone, part=item.summary[0], **place))
        if "reasoning.encrypted_content" in self._included and sealed:
            item = _replace(item, encrypted_content=sealed)
        if not whole:
            item = _replace(item, status="incomplete")
        return [*stream, self._stream.item_done(index, item)]

    def _on_context_compacted(self, event: events.ContextCompacted) -> _Stream:
        item = CompactionItem(id=event.item_id, encrypted_content="")
        index = self._stream.add(item)
        return [
            self._stream.item_added(index, item),
            self._stream.event(CompactionCompacting, item_id=item.id, output_index=index),
            self._stream.item_done(index, _replace(item, encrypted_content=event.packed)),
        ]

    def _is_summary_requested(self) -> bool:
        reasoning = self._stream.response.reasoning
        return bool(reasoning.summary or reasoning.generate_summary)


def _end_response(
    response: ResponseObject, event: events.RunEnded, status: ResponseStatus, output: list[OutputItem]
) -> ResponseObject:
    """The response as its end leaves it."""
    usage = count_searches(response.tool_usage, output)
    # Nobody else has the copy yet.
    ended = _replace(response, status=status, output=output, tool_usage=usage)
    # A response that was cancelled before the model was called used nothing.
    if status != "cancelled" or event.usage.total_tokens:
        ended.service_tier, ended.usage = "default", render_usage(event.usage)
    ended.moderation = event.moderation
    if status == "completed":
        ended.completed_at = event.at
    if event.status == "expired":
        ended.error = ResponseError("server_error", _EXPIRED_MESSAGE)
    elif event.error is not None:
        ended.error = ResponseError(event.code or event.error.code, event.error.message)
    if status == "incomplete":
        reason: Any = "content_filter" if event.cut == "content_filter" else "max_output_tokens"
        ended.incomplete_details = ResponseIncompleteDetails(reason)
    return ended


def render_usage(usage: RunCompletionUsage) -> ResponseUsage:
    return ResponseUsage(
        usage.prompt_tokens,
        InputTokensDetails(cached_tokens=usage.prompt_token_details.cached_tokens),
        usage.completion_tokens,
        OutputTokensDetails(usage.completion_tokens_details.reasoning_tokens),
        usage.total_tokens,
    )


_HANDLERS: Final[dict[type[events.Event], Callable[[ResponseView, Any], _Stream]]] = {
    events.RunQueued: ResponseView._on_queued,  # noqa: SLF001 - the table of this module's own class
    events.ResponseReplayed: ResponseView._on_replayed,  # noqa: SLF001
    events.RunRestored: ResponseView._on_restored,  # noqa: SLF001
    events.RunStarted: ResponseView._on_started,  # noqa: SLF001
    events.ReasoningOpened: ResponseView._on_reasoning_opened,  # noqa: SLF001
    events.ReasoningDelta: ResponseView._on_reasoning_delta,  # noqa: SLF001
    events.ReasoningClosed: ResponseView._on_reasoning_closed,  # noqa: SLF001
    events.ContextCompacted: ResponseView._on_context_compacted,  # noqa: SLF001
    events.RunEnded: ResponseView._on_ended,  # noqa: SLF001
}
