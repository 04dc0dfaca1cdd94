"""The messages of a response: text with its citations and log probabilities, and refusals. Pure."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from understudy.engine.run import events
from understudy.engine.views.response_stream import EventPosition, ResponseStream
from understudy.wire.response_items import (
    CodeInterpreterCall,
    ContainerFileCitation,
    FileCitation,
    OutputMessage,
    OutputText,
    Refusal,
)

_encode_json = msgspec.json.encode


class ResponseMessages:
    """The message that is open, if there is one, and what was said in it so far."""

    def __init__(self, stream: ResponseStream) -> None:
        self._stream = stream
        self._message: tuple[int, OutputMessage] | None = None
        self._text: list[str] = []
        self._part: EventPosition | None = None
        self._annotations: list[Any] = []
        self._logprobs: list[dict[str, Any]] = []
        self._new_ratings: list[dict[str, Any]] = []
        self._shown = 0

    @property
    def is_open(self) -> bool:
        return self._message is not None

    def opened(self, event: events.MessageOpened) -> bytes:
        return self.open(event.message_id)

    def open(self, message_id: str) -> bytes:
        message = OutputMessage(id=message_id, status="in_progress", content=[])
        index = self._stream.add(message)
        self._message = index, message
        self._text, self._part, self._annotations, self._shown = [], None, [], 0
        self._logprobs, self._new_ratings = [], []
        return self._stream.item_frame("added", index, message)

    def text_delta(self, event: events.TextDelta) -> bytes:
        frames, place = self._part_opened(OutputText(text=""))
        self._text.append(event.text)
        self._shown += len(event.text)
        logprobs = b',"logprobs":' + self._take_logprobs() if self._new_ratings else b',"logprobs":[]'
        return frames + self._stream.delta_frame("output_text.delta", place, event.text, logprobs)

    def logprobs_received(self, event: events.LogprobsReceived) -> bytes:
        """Shown with the text that they are of."""
        self._logprobs += event.logprobs
        self._new_ratings += event.logprobs
        return b""

    def _take_logprobs(self) -> bytes:
        ratings, self._new_ratings = self._new_ratings, []
        return _encode_json([_without_bytes(one) for one in ratings])

    def citation_added(self, event: events.CitationAdded) -> bytes:
        frames, place = self._part_opened(OutputText(text=""))
        annotation: FileCitation | ContainerFileCitation
        if event.is_path:
            annotation = ContainerFileCitation(
                container_id=self._container_id(),
                end_index=self._shown + len(event.text),
                file_id=event.file_id,
                filename=event.filename,
                start_index=self._shown,
            )
            if event.text:
                frames += self.text_delta(events.TextDelta(event.text))
        else:
            # The mark is the other dialect's: here the text has none, and the citation says where it belongs.
            annotation = FileCitation(file_id=event.file_id, filename=event.filename, index=self._shown)
        number = len(self._annotations)
        self._annotations.append(annotation)
        shown = b'"annotation":%b,"annotation_index":%d,' % (_encode_json(annotation), number)
        return frames + self._stream.frame("output_text.annotation.added", shown + place.members())

    def image_added(self, event: events.ImageAdded) -> bytes:
        """A figure is no part of the text; it is cited where the text stands."""
        name = f"{event.file_id}.png"
        return self.citation_added(
            events.CitationAdded("", self._shown, self._shown, event.file_id, is_path=True, filename=name)
        )

    def refusal_delta(self, event: events.RefusalDelta) -> bytes:
        frames, place = self._part_opened(Refusal(refusal=""))
        self._text.append(event.text)
        return frames + self._stream.delta_frame("refusal.delta", place, event.text)

    def _part_opened(self, part: OutputText | Refusal) -> tuple[bytes, EventPosition]:
        """Opens the content part that the delta belongs to; closes the one before it where it is of another kind."""
        index, message = self._open_message()
        if self._part is not None and type(message.content[-1]) is type(part):
            return b"", self._part
        frames = self._close_part()
        message.content.append(part)
        self._shown = 0
        self._part = place = EventPosition.of(message.id, index, content=len(message.content) - 1)
        return frames + self._stream.frame(
            "content_part.added", place.members(last=b',"part":' + _encode_json(part))
        ), place

    def closed(self, _: events.MessageClosed) -> bytes:
        return self.close("completed")

    def close(self, status: Any) -> bytes:
        index, message = self._open_message()
        frames = self._close_part()
        message.status = status
        self._message = None
        self._stream.close(index)
        return frames + self._stream.item_frame("done", index, message)

    def _close_part(self) -> bytes:
        _, message = self._open_message()
        place = self._part
        if place is None:
            return b""
        part, text = message.content[-1], "".join(self._text)
        if isinstance(part, OutputText):
            part.text = text
            part.annotations = self._annotations
            part.logprobs, self._logprobs, self._new_ratings = self._logprobs, [], []
            logprobs = _encode_json([_without_bytes(one) for one in part.logprobs])
            members = place.members(between=b',"logprobs":%b' % logprobs)
            frames = self._stream.frame("output_text.done", members, b',"text":' + _encode_json(text))
        else:
            part.refusal = text
            frames = self._stream.frame("refusal.done", place.members(last=b',"refusal":' + _encode_json(text)))
        self._text, self._part, self._annotations = [], None, []
        return frames + self._stream.frame("content_part.done", place.members(last=b',"part":' + _encode_json(part)))

    def _open_message(self) -> tuple[int, OutputMessage]:
        assert self._message is not None
        return self._message

    def _container_id(self) -> str:
        calls = [item for item in self._stream.response.output if isinstance(item, CodeInterpreterCall)]
        return calls[-1].container_id if calls else ""


def _without_bytes(rating: dict[str, Any]) -> dict[str, Any]:
    """A log probability as events show it, where items have the bytes of the token as well."""
    tops = [{"token": one["token"], "logprob": one["logprob"]} for one in rating["top_logprobs"]]
    return {"token": rating["token"], "logprob": rating["logprob"], "top_logprobs": tops}


HANDLERS: Final[dict[type[events.Event], Callable[[ResponseMessages, Any], bytes]]] = {
    events.MessageOpened: ResponseMessages.opened,
    events.TextDelta: ResponseMessages.text_delta,
    events.LogprobsReceived: ResponseMessages.logprobs_received,
    events.CitationAdded: ResponseMessages.citation_added,
    events.ImageAdded: ResponseMessages.image_added,
    events.RefusalDelta: ResponseMessages.refusal_delta,
    events.MessageClosed: ResponseMessages.closed,
}
