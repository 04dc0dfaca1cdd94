"""A new response: what a request asks for, and the events that its run begins with. Stores nothing."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from understudy.correlation import Origin as RequestOrigin
from understudy.engine.response_request import RequestedResponse, ResolvedPrompt, new_response
from understudy.engine.run import events
from understudy.engine.run.early_items import may_begin_early
from understudy.engine.run.state import RunState
from understudy.engine.run_specs import build_spec
from understudy.engine.views.frames import Frames
from understudy.engine.views.origins import Origin
from understudy.engine.views.projections import ResponseProjection
from understudy.store.response_items import ItemRow
from understudy.store.response_placement import ResponsePlacement
from understudy.store.responses import NewResponse
from understudy.store.run_state import PendingCall
from understudy.wire.input_items import InputItem
from understudy.wire.responses import CreateResponseRequest, ResponseObject


class InitialResponse(Struct, frozen=True):
    """The first events of a response, with the frames of each; `response` is as the request is replied to."""

    state: RunState
    projection: ResponseProjection
    history: list[tuple[events.Event, Frames]]
    response: ResponseObject
    stored: NewResponse

    @classmethod
    def of(cls, new: RequestedResponse, params: CreateResponseRequest, started_at: int | None) -> "InitialResponse":
        """`started_at` None where it has to wait for a place."""
        state = RunState()
        projection = ResponseProjection(frozenset(params.include or ()))
        happened = [_queued_event(new, params)]
        if started_at is not None:
            happened.append(events.RunStarted(started_at))
        history = []
        for event in happened:
            state.apply(event)
            history.append((event, projection.encode(event)))
        begins_early = started_at is not None and may_begin_early(state.spec, len(new.items))
        response, body = projection.stored_response(new.progress)
        stored = NewResponse(response, body, projection.stored_run(), new.progress, new.items, begins_early)
        return cls(state, projection, history, new.response, stored)


def _queued_event(new: RequestedResponse, params: CreateResponseRequest) -> events.Event:
    options = params.stream_options
    hides = not params.background and (options is None or options.include_obfuscation is not False)
    return events.RunQueued(
        build_spec(new.run, new.progress.plan),
        Origin(new.run, None, False, new.response, hides),
    )


class ResponseDraft(Struct, frozen=True, kw_only=True):
    """An admitted request for a response that has no place yet.

    `served` and `rows` as for `new_response`. `calls` are those that the client has approved of. `now` and `seconds`,
    how long it may take, are in seconds; `reserved` are tokens of the limits of the key. `in_batch`: it is a line of a
    batch.
    """

    id: str
    params: CreateResponseRequest
    items: Sequence[InputItem]
    prompt: ResolvedPrompt | None
    served: Mapping[str, str]
    calls: list[PendingCall]
    now: float
    seconds: float
    key_id: str
    reserved: int
    in_batch: bool
    origin: RequestOrigin
    rows: Sequence[ItemRow] | None = None

    def begin(self, place: ResponsePlacement, *, at_once: bool) -> InitialResponse:
        """The response at its place. `at_once`: it does not wait for a worker."""
        now = int(self.now)
        new = new_response(
            self.params,
            self.items,
            self.id,
            now,
            place,
            seconds=self.seconds,
            prompt=self.prompt,
            served=self.served,
            rows=self.rows,
        )
        progress = new.progress
        progress.key_id, progress.origin, progress.calls = self.key_id, self.origin, self.calls
        progress.in_batch, progress.reserved, progress.accepted_at = self.in_batch, self.reserved, self.now
        return InitialResponse.of(new, self.params, now if at_once else None)
