"""How a response begins, and its stream: from its log here, or replayed where another server has executed it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

import msgspec

from understudy.engine.run import events
from understudy.engine.run.log import LogReader, RunLog
from understudy.engine.run.state import RunState
from understudy.engine.run_specs import build_spec
from understudy.engine.views.frames import Frames
from understudy.engine.views.origins import Origin
from understudy.engine.views.projections import ResponseProjection
from understudy.engine.views.response_replay import ResponseReplay, frames_after, next_sequence
from understudy.errors import InvalidRequest
from understudy.store.responses import NewResponse
from understudy.wire.responses import CreateResponseRequest, ResponseObject


@dataclass(frozen=True, slots=True)
class CreatedResponse:
    """A response that a client has started: as it is returned at once, and the log of what follows."""

    response: ResponseObject
    log: RunLog

    @property
    def id(self) -> str:
        return self.response.id

    def reader(self) -> LogReader:
        """A reader of the server-sent events, until the response ends."""
        return self.log.reader()

    def next_sequence(self) -> int:
        """The number of the next event of the stream."""
        return next_sequence(self.log)


@dataclass(frozen=True, slots=True)
class ResponseStreamTail:
    """The rest of a response's stream behind the event with the number `after`, -1 for all of it.

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
        return not self.whole if self.log is None else self.log.handed_back


@dataclass(frozen=True, slots=True)
class InitialResponse:
    """The first events of a response, with the frames of each; `response` is as the request is replied to."""

    state: RunState
    projection: ResponseProjection
    history: list[tuple[events.Event, Frames]]
    response: ResponseObject
    stored: NewResponse

    @classmethod
    def of(
        cls, new: NewResponse, asked: CreateResponseRequest, included: frozenset[str], started_at: int | None
    ) -> "InitialResponse":
        """`started_at` None where it has to wait for a place."""
        state, projection = RunState(), ResponseProjection(included)
        happened = [_queued_event(new, asked)]
        if started_at is not None:
            happened.append(events.RunStarted(started_at))
        history = []
        for event in happened:
            state.apply(event)
            history.append((event, projection.encode(event)))
        response, run = projection.stored_response(new.progress), projection.stored_run()
        stored = NewResponse(response, run, new.progress, new.items)
        return cls(state, projection, history, new.response, stored)


def _queued_event(new: NewResponse, asked: CreateResponseRequest) -> events.Event:
    options = asked.stream_options
    hides = not asked.background and (options is None or options.include_obfuscation is not False)
    return events.RunQueued(
        build_spec(new.run, new.progress.plan),
        Origin(msgspec.structs.replace(new.run), None, False, new.response, hides),
    )


def lost_event_error(number: int, place: str) -> InvalidRequest:
    """The refusal to resume behind an event of which it is unknown what the client has; `place` is where to resume."""
    text = (
        f"Event {number} is not stored: it was lost with the server that sent it, or is older than"
        f" `limits.log_retention`. Resume {place}."
    )
    return InvalidRequest(text, param="starting_after")
