"""The Responses view of a run: its events in, the response and its server-sent events out. Pure: no clock, no store.

Every event of the stream has the next number; a delta of the engine is one of them, which is what lets a reader come
back behind the number that it has seen last. Order and shapes, of members as well: the hosted API's recorded streams.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any, Final

import msgspec

from understudy.engine.run import events
from understudy.engine.views import response_calls, response_messages
from understudy.engine.views.response_stream import EventPosition, ResponseStream
from understudy.wire.response_items import CompactionItem, ReasoningItem, SummaryText
from understudy.wire.responses import (
    Billing,
    InputTokensDetails,
    OutputTokensDetails,
    ResponseError,
    ResponseIncompleteDetails,
    ResponseObject,
    ResponseStatus,
    ResponseUsage,
)
from understudy.wire.runs import RunCompletionUsage, RunStatus

_encode_json = msgspec.json.encode
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
_EXPIRED_MESSAGE: Final = "The response took longer than this server allows."


class ResponseView:
    """The response as the events so far describe it.

    `included` are the parts of items that the client asked for beside what is always shown.
    """

    def __init__(self, included: frozenset[str] = frozenset()) -> None:
        self._stream = stream = ResponseStream()
        self._messages = response_messages.ResponseMessages(stream)
        self._calls = response_calls.ResponseCalls(stream, included)
        self.ended = False
        self._included = included
        self._reasoning: tuple[int, ReasoningItem] | None = None
        self._thoughts: list[str] = []

    @property
    def response(self) -> ResponseObject:
        return self._stream.response

    @response.setter
    def response(self, response: ResponseObject) -> None:
        self._stream.response = response

    @property
    def sequence(self) -> int:
        """The number of the next event of the stream."""
        return self._stream.sequence

    def encode(self, event: events.Event, merged: int = 0) -> bytes:
        self._stream.merged = merged
        return self.apply(event)

    def apply(self, event: events.Event) -> bytes:
        """Applies the event; returns the frames that streams show of it, empty where they show nothing."""
        kind = type(event)
        if said := response_messages.HANDLERS.get(kind):
            frames = said(self._messages, event)
        elif called := response_calls.HANDLERS.get(kind):
            frames = called(self._calls, event)
        else:
            handler = _HANDLERS.get(kind)
            frames = b"" if handler is None else handler(self, event)
        self._stream.merged = 0
        return frames

    def settled(self) -> ResponseObject:
        """The response with the items that are whole, as it is read while it is being made."""
        return msgspec.structs.replace(self.response, output=self._stream.completed_items())

    # -- the response ------------------------------------------------------------------------------------------

    def _on_queued(self, event: events.RunQueued) -> bytes:
        assert event.response is not None
        self.response = msgspec.structs.replace(event.response, output=[])
        self._stream.obfuscated = event.obfuscated
        frames = self._stream.response_frame("created")
        if self.response.background:
            frames += self._stream.response_frame("queued")
        return frames

    def _on_restored(self, event: events.RunRestored) -> bytes:
        assert event.response is not None
        self.response = msgspec.structs.replace(event.response, output=deepcopy(event.response.output))
        self._stream.sequence = event.sequence
        frames = b""
        if event.message is not None:
            frames += self._messages.open(event.message.id)
        known = {item.id for item in self.response.output}
        # Without a step nothing was shown of the calls yet.
        for call in event.calls if event.steps else ():
            if call.item_id not in known:
                frames += self._calls.reopen(call, event.container_id)
        return frames

    def _on_started(self, _: events.RunStarted) -> bytes:
        self.response.status = "in_progress"
        return self._stream.response_frame("in_progress")

    def _on_ended(self, event: events.RunEnded) -> bytes:
        response, status = self.response, _RESPONSE_STATUS[event.status]
        frames = self.close_items(whole=status == "completed")
        response.status = status
        # What was cancelled before the model was asked used nothing.
        if status != "cancelled" or event.usage.total_tokens:
            response.service_tier = "default"
            response.usage = render_usage(event.usage)
        if status == "completed":
            response.completed_at = event.at
        if event.status == "expired":
            response.error = ResponseError("server_error", _EXPIRED_MESSAGE)
        elif event.error is not None:
            response.error = ResponseError(event.code or event.error.code, event.error.message)
        if status == "incomplete":
            reason = "content_filter" if event.cut == "content_filter" else "max_output_tokens"
            response.incomplete_details = ResponseIncompleteDetails(reason)  # type: ignore[arg-type]
        self.ended = True
        frames += self._stream.response_frame(_FINAL_EVENT[status])
        # Streams do not say who pays.
        response.billing = Billing()
        return frames

    def close_items(self, *, whole: bool) -> bytes:
        """Ends what is open; as cut off where it is not whole."""
        frames = self._close_reasoning("")
        if self._messages.is_open:
            frames += self._messages.close("completed" if whole else "incomplete")
        return frames + self._calls.close_all(whole=whole)

    def last_frame(self, name: str) -> bytes:
        """The end of a stream whose response was over before it began."""
        self.ended = True
        self.response = msgspec.structs.replace(self.response, billing=msgspec.UNSET)
        return self._stream.response_frame(name)

    # -- reasoning ---------------------------------------------------------------------------------------------

    def _on_reasoning_opened(self, event: events.ReasoningOpened) -> bytes:
        item = ReasoningItem(id=event.item_id)
        index = self._stream.add(item)
        self._reasoning = index, item
        self._thoughts = []
        return self._stream.item_frame("added", index, item)

    def _on_reasoning_delta(self, event: events.ReasoningDelta) -> bytes:
        if self._reasoning is None or not self._is_summary_requested():
            return b""
        index, item = self._reasoning
        place, frames = EventPosition.of(item.id, index, summary=0), b""
        if not self._thoughts:
            part = b',"part":' + _encode_json(SummaryText(""))
            frames = self._stream.frame("reasoning_summary_part.added", place.members(last=part), place.summary)
        self._thoughts.append(event.text)
        return frames + self._stream.delta_frame("reasoning_summary_text.delta", place, event.text)

    def _on_reasoning_closed(self, event: events.ReasoningClosed) -> bytes:
        return self._close_reasoning(event.sealed)

    def _close_reasoning(self, sealed: str) -> bytes:
        if self._reasoning is None:
            return b""
        index, item = self._reasoning
        frames = b""
        if self._thoughts:
            text = "".join(self._thoughts)
            item.summary = [SummaryText(text)]
            place, part = EventPosition.of(item.id, index, summary=0), b',"part":' + _encode_json(item.summary[0])
            more = place.summary + b',"text":' + _encode_json(text)
            frames += self._stream.frame("reasoning_summary_text.done", place.members(), more)
            frames += self._stream.frame("reasoning_summary_part.done", place.members(last=part), place.summary)
        if "reasoning.encrypted_content" in self._included and sealed:
            item.encrypted_content = sealed
        self._reasoning = None
        self._stream.close(index)
        return frames + self._stream.item_frame("done", index, item)

    def _on_context_compacted(self, event: events.ContextCompacted) -> bytes:
        item = CompactionItem(id=event.item_id, encrypted_content="")
        number = self._stream.add(item)
        self._stream.close(number)
        frames = self._stream.item_frame("added", number, item)
        frames += self._stream.frame("compaction.compacting", EventPosition.of(item.id, number).members())
        item.encrypted_content = event.packed
        return frames + self._stream.item_frame("done", number, item)

    def _is_summary_requested(self) -> bool:
        reasoning = self.response.reasoning
        return bool(reasoning.summary or reasoning.generate_summary)


def render_usage(usage: RunCompletionUsage) -> ResponseUsage:
    return ResponseUsage(
        usage.prompt_tokens,
        InputTokensDetails(cached_tokens=usage.prompt_token_details.cached_tokens),
        usage.completion_tokens,
        OutputTokensDetails(usage.completion_tokens_details.reasoning_tokens),
        usage.total_tokens,
    )


_HANDLERS: Final[dict[type[events.Event], Callable[[ResponseView, Any], bytes]]] = {
    events.RunQueued: ResponseView._on_queued,  # noqa: SLF001 - the table of this module's own class
    events.RunRestored: ResponseView._on_restored,  # noqa: SLF001
    events.RunStarted: ResponseView._on_started,  # noqa: SLF001
    events.ReasoningOpened: ResponseView._on_reasoning_opened,  # noqa: SLF001
    events.ReasoningDelta: ResponseView._on_reasoning_delta,  # noqa: SLF001
    events.ReasoningClosed: ResponseView._on_reasoning_closed,  # noqa: SLF001
    events.ContextCompacted: ResponseView._on_context_compacted,  # noqa: SLF001
    events.RunEnded: ResponseView._on_ended,  # noqa: SLF001
}
