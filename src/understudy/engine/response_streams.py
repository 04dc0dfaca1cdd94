"""A response that has begun, and its stream: from its log here, or replayed where another server has executed it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from msgspec import Struct

from understudy.engine.run.log import LogReader, RunLog
from understudy.engine.views.projections import ResponseProjection
from understudy.engine.views.response_replay import ResponseReplay, frames_after, next_sequence
from understudy.errors import InvalidRequest
from understudy.wire.responses import ResponseObject


class CreatedResponse(Struct, frozen=True):
    """A response that a client has started: as it is returned at once, and the log of what follows."""

    response: ResponseObject
    log: RunLog
    projection: ResponseProjection

    @property
    def id(self) -> str:
        return self.response.id

    def reader(self) -> LogReader:
        """A reader of the server-sent events, until the response ends."""
        return self.log.reader()

    def next_sequence(self) -> int:
        """The number of the next event of the stream."""
        return next_sequence(self.log)

    def find_end(self) -> ResponseObject | None:
        """The response once it has ended; None until then, and where another execution has ended it."""
        ended = self.projection.ended
        # What the projection has ended may not have been stored.
        return None if ended is None or self.log.last_event is not ended.event else ended.response


@dataclass(frozen=True, slots=True)
class ResponseStreamTail:
    """The rest of a response's stream after the event with the number `after`, -1 for all of it.

    `log` is its source if this server executes the response, and `replay` if it does not. `whole`: the replay has the
    end of the stream.
    """

    after: int
    log: RunLog | None = None
    replay: ResponseReplay | None = None
    whole: bool = True

    async def frames(self) -> AsyncGenerator[bytes, None]:
        if self.log is not None:
            async with aclosing(frames_after(self.log, self.after)) as frames:
                async for joined in frames:
                    yield joined
        elif self.replay is not None:
            for frame in self.replay.frames:
                yield frame

    def next_sequence(self) -> int:
        """The number of the next event of the stream."""
        sequence = next_sequence(self.log) if self.log is not None else self.replay.sequence if self.replay else 0
        return max(sequence, self.after + 1)

    @property
    def is_interrupted(self) -> bool:
        """After the end of the frames: whether another server executes the response."""
        return not self.whole if self.log is None else self.log.is_handed_over


def lost_event_error(number: int, place: str) -> InvalidRequest:
    """The refusal to resume after the event `number`, which is not stored; `place` is where to resume."""
    text = (
        f"Event {number} is not stored: it was lost with the server that sent it, or is older than"
        f" `limits.log_retention`. Resume {place}."
    )
    return InvalidRequest(text, param="starting_after")
