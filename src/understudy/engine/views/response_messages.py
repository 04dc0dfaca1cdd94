"""The messages of a response: text with its citations and log probabilities, and refusals. Pure."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from understudy.engine.run import events
from understudy.engine.views.difference import RenderedMessage
from understudy.engine.views.response_stream import ResponseStream
from understudy.wire.response_events import (
    ContentPartAdded,
    ContentPartDone,
    OutputTextAnnotationAdded,
    OutputTextDelta,
    OutputTextDone,
    RefusalDelta,
    RefusalDone,
    ResponseStreamEvent,
)
from understudy.wire.response_items import (
    CodeInterpreterCall,
    ContainerFileCitation,
    FileCitation,
    ItemAnnotation,
    OutputMessage,
    OutputText,
    Refusal,
    UrlCitation,
)


class ResponseMessages:
    """The open message, if there is one, and the content of its open part."""

    def __init__(self, stream: ResponseStream) -> None:
        self._stream = stream
        self._message: OutputMessage | None = None
        self._index = 0
        self._parts: list[OutputText | Refusal] = []
        self._part: OutputText | Refusal | None = None
        self._text: list[str] = []
        self._length = 0
        self._annotations: list[ItemAnnotation] = []
        self._logprobs: list[dict[str, Any]] = []
        self._new_logprobs: list[dict[str, Any]] = []

    @property
    def is_open(self) -> bool:
        return self._message is not None

    @property
    def item_id(self) -> str | None:
        """The item of the open message."""
        return None if self._message is None else self._message.id

    def is_open_as(self, item_id: str | None) -> bool:
        return self._message is not None and self._message.id == item_id

    def rendered(self) -> RenderedMessage:
        """How much of the open message is rendered."""
        texts, refusals = sum(map(len, self._text)), 0
        if isinstance(self._part, Refusal):
            texts, refusals = 0, texts
        annotations = len(self._annotations)
        for part in self._parts:
            if isinstance(part, OutputText):
                texts += len(part.text)
                annotations += len(part.annotations)
            else:
                refusals += len(part.refusal)
        return RenderedMessage(texts, refusals, annotations)

    def open_texts(self) -> list[str]:
        """The texts of the open message's parts."""
        if self._message is None:
            return []
        return [
            *(part.text if isinstance(part, OutputText) else part.refusal for part in self._parts),
            "".join(self._text),
        ]

    def opened(self, event: events.MessageOpened) -> list[ResponseStreamEvent]:
        phase: Any = event.phase or msgspec.UNSET
        # What an owner between opened, whose log is lost, begins while the message of the owner before it is open.
        abandoned = self.close("incomplete") if self.is_open else []
        self._message = message = OutputMessage(id=event.message_id, status="in_progress", content=[], phase=phase)
        self._index = self._stream.add(message)
        self._parts = []
        self._reset_part()
        return [*abandoned, self._stream.item_added(self._index, message)]

    def text_delta(self, event: events.TextDelta) -> list[ResponseStreamEvent]:
        stream, text = self._open_part(OutputText), event.text
        self._text.append(text)
        self._length += len(text)
        logprobs, self._new_logprobs = [_without_bytes(one) for one in self._new_logprobs], []
        assert self._message is not None
        delta = OutputTextDelta(
            content_index=len(self._parts),
            delta=text,
            item_id=self._message.id,
            logprobs=logprobs,
            obfuscation=self._stream.obfuscation(text),
            output_index=self._index,
            sequence_number=self._stream.take_delta_numbers(1),
        )
        return [*stream, delta]

    def extend_text(self, texts: Sequence[str]) -> int | None:
        """Applies text deltas that only continue the text; returns the number of the first.

        None where there is more to it.
        """
        if not isinstance(self._part, OutputText) or self._new_logprobs:
            return None
        self._text += texts
        self._length += sum(map(len, texts))
        return self._stream.take_delta_numbers(len(texts))

    def logprobs_received(self, event: events.LogprobsReceived) -> Sequence[ResponseStreamEvent]:
        """They are sent with the text that follows."""
        self._logprobs += event.logprobs
        self._new_logprobs += event.logprobs
        return ()

    def citation_added(self, event: events.CitationAdded) -> list[ResponseStreamEvent]:
        stream = self._open_part(OutputText)
        annotation: ItemAnnotation
        if event.is_path:
            annotation = ContainerFileCitation(
                container_id=self._container_id(),
                end_index=self._length + len(event.text),
                file_id=event.file_id,
                filename=event.filename,
                start_index=self._length,
            )
            if event.text:
                stream += self.text_delta(events.TextDelta(event.text))
        else:
            # The mark is a part of the other dialect's text; here the citation has its place.
            annotation = FileCitation(file_id=event.file_id, filename=event.filename, index=self._length, **event.place)
        return [*stream, self._add_annotation(annotation)]

    def _add_annotation(self, annotation: ItemAnnotation) -> ResponseStreamEvent:
        number = len(self._annotations)
        self._annotations.append(annotation)
        return self._stream.event(
            OutputTextAnnotationAdded, annotation=annotation, annotation_index=number, **self._place()
        )

    def url_cited(self, event: events.UrlCited) -> list[ResponseStreamEvent]:
        stream = self._open_part(OutputText)
        start = self._length
        stream += self.text_delta(events.TextDelta(event.text))
        cited = UrlCitation(end_index=self._length, start_index=start, title=event.title, url=event.url)
        return [*stream, self._add_annotation(cited)]

    def image_added(self, event: events.ImageAdded) -> list[ResponseStreamEvent]:
        """A plot is not part of the text; it is cited at the current end of the text."""
        name = f"{event.file_id}.png"
        return self.citation_added(
            events.CitationAdded("", self._length, self._length, event.file_id, is_path=True, filename=name)
        )

    def refusal_delta(self, event: events.RefusalDelta) -> list[ResponseStreamEvent]:
        stream = self._open_part(Refusal)
        self._text.append(event.text)
        return [*stream, self._stream.delta(RefusalDelta, event.text, **self._place())]

    def closed(self, _: events.MessageClosed) -> list[ResponseStreamEvent]:
        return self.close("completed")

    def close(self, status: Any) -> list[ResponseStreamEvent]:
        stream = self._close_part()
        assert self._message is not None
        message = msgspec.structs.replace(self._message, status=status, content=self._parts)
        self._message = None
        return [*stream, self._stream.item_done(self._index, message)]

    def _open_part(self, kind: type[OutputText | Refusal]) -> list[ResponseStreamEvent]:
        """Opens the content part of a delta; closes the one before it where that is of another kind."""
        if type(self._part) is kind:
            return []
        stream = self._close_part()
        self._part = part = OutputText(text="") if kind is OutputText else Refusal(refusal="")
        self._length = 0
        assert self._message is not None
        added = ContentPartAdded(
            content_index=len(self._parts),
            item_id=self._message.id,
            output_index=self._index,
            part=part,
            sequence_number=self._stream.take_number(),
        )
        return [*stream, added]

    def _close_part(self) -> list[ResponseStreamEvent]:
        if self._part is None:
            return []
        assert self._message is not None
        stream, content_index, item_id, output_index = self._stream, len(self._parts), self._message.id, self._index
        text = "".join(self._text)
        part: OutputText | Refusal
        done: ResponseStreamEvent
        if isinstance(self._part, OutputText):
            part = OutputText(annotations=self._annotations, logprobs=self._logprobs, text=text)
            done = OutputTextDone(
                content_index=content_index,
                item_id=item_id,
                logprobs=[_without_bytes(one) for one in self._logprobs],
                output_index=output_index,
                sequence_number=stream.take_number(),
                text=text,
            )
        else:
            part = Refusal(refusal=text)
            done = stream.event(RefusalDone, refusal=text, **self._place())
        closed = ContentPartDone(
            content_index=content_index,
            item_id=item_id,
            output_index=output_index,
            part=part,
            sequence_number=stream.take_number(),
        )
        self._parts.append(part)
        pending = ([], []) if isinstance(part, OutputText) else (self._logprobs, self._new_logprobs)
        self._reset_part()
        self._logprobs, self._new_logprobs = pending
        return [done, closed]

    def _reset_part(self) -> None:
        self._part = None
        self._text, self._annotations, self._length = [], [], 0
        self._logprobs, self._new_logprobs = [], []

    def _place(self) -> dict[str, Any]:
        assert self._message is not None
        return {"content_index": len(self._parts), "item_id": self._message.id, "output_index": self._index}

    def _container_id(self) -> str:
        calls = [item for item in self._stream.output if isinstance(item, CodeInterpreterCall)]
        return calls[-1].container_id if calls else ""


def _without_bytes(logprob: dict[str, Any]) -> dict[str, Any]:
    """A log probability as events have it; items have the bytes of the token as well."""
    tops = [{"token": one["token"], "logprob": one["logprob"]} for one in logprob["top_logprobs"]]
    return {"token": logprob["token"], "logprob": logprob["logprob"], "top_logprobs": tops}


HANDLERS: Final[dict[type[events.Event], Callable[[ResponseMessages, Any], Sequence[ResponseStreamEvent]]]] = {
    events.MessageOpened: ResponseMessages.opened,
    events.TextDelta: ResponseMessages.text_delta,
    events.LogprobsReceived: ResponseMessages.logprobs_received,
    events.CitationAdded: ResponseMessages.citation_added,
    events.UrlCited: ResponseMessages.url_cited,
    events.ImageAdded: ResponseMessages.image_added,
    events.RefusalDelta: ResponseMessages.refusal_delta,
    events.MessageClosed: ResponseMessages.closed,
}
