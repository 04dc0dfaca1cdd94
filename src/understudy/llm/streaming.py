"""Reads the response to a stream request, and yields its chunks. Knows no dialect: a StreamTranslator maps events."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Final, Protocol

from understudy.errors import UpstreamError
from understudy.llm import faults
from understudy.llm.chunk_batch import ChunkBatch
from understudy.llm.chunk_template import ChunkTemplate
from understudy.llm.upstream_response import MAX_BODY_BYTES, UpstreamResponse
from understudy.net import sse

SHAPE_ERRORS: Final = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""The errors of reading a value of an unexpected type."""

_BLANK_LINE: Final = b"\n\n"
_SINGLE_EVENTS: Final = 4
"""Events at the beginning of a read that are parsed one by one: the rest of one, and those to learn a template from."""

logger = logging.getLogger(__name__)


class StreamTranslator(Protocol):
    """The state of one stream. Every method raises the upstream's errors as UpstreamError."""

    done: bool
    """Whether the stream is complete."""

    @property
    def template(self) -> ChunkTemplate | None:
        """What most events look like; None if they are not relayed as they are."""
        ...

    def translate(self, event: sse.Event) -> Sequence[bytes]:
        """The encoded chunks of an event."""
        ...

    def finish(self) -> Sequence[bytes]:
        """The last chunks at the end of the stream. Raises UpstreamError if the stream is incomplete."""
        ...

    def translate_whole(self, data: bytes) -> Sequence[bytes]:
        """The chunks of a response that is one JSON object, as sent by some servers."""
        ...


async def chunks(
    start: Callable[[], Awaitable[UpstreamResponse]], translator: StreamTranslator
) -> AsyncGenerator[Sequence[bytes], None]:
    """Batches of chunks, one for each read. Closing the generator closes the upstream's connection."""
    has_begun = False
    response = await start()
    try:
        data = await response.read_chunk()
        if data.lstrip()[:1] in (b"{", b"[", b"<"):  # not a stream, whatever its content type
            yield _translate_whole(translator, await response.read(data))
            return
        reader = sse.Reader()
        size = 0
        while data or not response.at_eof:
            size += len(data)
            _check_size(size)
            batch = ChunkBatch()
            try:
                _translate_data(translator, reader, data, batch)
            finally:
                # The chunks before an error are valid.
                if batch:
                    has_begun = True
                    yield batch
            if translator.done:
                await response.drain()
                break
            while not (data := response.read_available()) and not response.at_eof:
                await response.wait_readable()
        if last := _finish_stream(reader, translator):
            yield last
    except UpstreamError as error:
        # An error before the first chunks is logged by the caller, who may try again.
        if has_begun:
            faults.log_fault(response.provider, "", error)
        raise
    finally:
        response.close()


def _check_size(size: int) -> None:
    if size > MAX_BODY_BYTES:
        raise UpstreamError("malformed", f"The upstream's stream exceeds the limit of {MAX_BODY_BYTES} bytes.")


def stream_broken() -> UpstreamError:
    return UpstreamError("unreachable", "The upstream's stream ended before it was complete.")


def unexpected_shape(error: Exception) -> UpstreamError:
    """The error for a response with members of unexpected types; logs the cause."""
    logger.warning("malformed response of a provider", exc_info=error)
    return UpstreamError("malformed", "The upstream returned members of unexpected types.")


def _translate_data(translator: StreamTranslator, reader: sse.Reader, data: bytes, batch: ChunkBatch) -> None:
    """Adds the chunks of a read to `batch`, up to an error. Events of text are added together, without parsing."""
    template = translator.template
    if template is not None:
        for _ in range(_SINGLE_EVENTS):
            if reader.is_empty and not template.is_learning:
                break
            end = data.find(_BLANK_LINE) + len(_BLANK_LINE)
            if end < len(_BLANK_LINE):
                break
            _translate_events(translator, reader.feed(data[:end]), batch.last)
            data = data[end:]
        if reader.is_empty and not translator.done:
            count, size = template.match_events(data)
            if count:
                batch.set_run(data[:size], count, template.framing)
                data = data[size:]
    if data:
        _translate_events(translator, reader.feed(data), batch.last)


def _translate_events(translator: StreamTranslator, events: Sequence[sse.Event], batch: list[bytes]) -> None:
    """Adds the chunks of the events to `batch`, up to an error."""
    try:
        for event in events:
            batch += translator.translate(event)
    except SHAPE_ERRORS as error:
        raise unexpected_shape(error) from None


def _translate_whole(translator: StreamTranslator, data: bytes) -> Sequence[bytes]:
    try:
        return translator.translate_whole(data)
    except SHAPE_ERRORS as error:
        raise unexpected_shape(error) from None


def _finish_stream(reader: sse.Reader, translator: StreamTranslator) -> list[bytes]:
    try:
        return [*_translate_truncated(reader, translator), *translator.finish()]
    except SHAPE_ERRORS as error:
        raise unexpected_shape(error) from None


def _translate_truncated(reader: sse.Reader, translator: StreamTranslator) -> Sequence[bytes]:
    """The chunks of a last event without its blank line; none if the event is truncated."""
    try:
        return [chunk for event in reader.close() for chunk in translator.translate(event)]
    except UpstreamError as error:
        if error.kind == "malformed":
            return ()
        raise
