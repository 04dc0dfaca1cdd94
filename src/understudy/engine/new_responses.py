"""A new response: what a request asks for, and the events that its run begins with. Stores nothing."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from understudy.correlation import Origin as RequestOrigin
from understudy.engine.response_request import RequestedResponse, ResolvedPrompt, new_response
from understudy.engine.run import events
from understudy.engine.run.early_items import may_begin_early
from understudy.engine.run.state import RunState
from understudy.engine.run_specs import build_spec
from understudy.engine.spending_holds import Hold
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


class AdmittedRequest(Struct, frozen=True, kw_only=True):
    """An admitted request for a response.

    `key_id` is the key of the request, of whose limits `reserved` tokens are reserved. `follows_unstored`: the previous
    response is one that is not to be stored, and that the client's connection still has. `in_batch`: it is a line of a
    batch. `hold` becomes that of the response.
    """

    params: CreateResponseRequest
    items: Sequence[InputItem]
    key_id: str = ""
    reserved: int = 0
    prompt: ResolvedPrompt | None = None
    follows_unstored: bool = False
    in_batch: bool = False
    hold: Hold | None = None

    @property
    def is_stored(self) -> bool:
        """Whether the response is stored once it has ended."""
        return self.params.store is not False

    @property
    def stores_items(self) -> bool:
        """Whether the items of the input are stored; a conversation has those of each of its responses."""
        return self.is_stored or self.params.conversation is not None


class ResponseDraft(Struct, frozen=True, kw_only=True):
    """A response that has no place yet.

    `served` and `rows` as for `new_response`. `calls` are those that the client has approved of. `now` and `seconds`,
    how long it may take, are in seconds.
    """

    id: str
    request: AdmittedRequest
    served: Mapping[str, str]
    calls: list[PendingCall]
    now: float
    seconds: float
    origin: RequestOrigin
    rows: Sequence[ItemRow] | None = None

    def begin(self, place: ResponsePlacement, *, at_once: bool) -> InitialResponse:
        """The response at its place. `at_once`: it does not wait for a worker."""
        request, now = self.request, int(self.now)
        new = new_response(
            request.params,
            request.items,
            self.id,
            now,
            place,
            seconds=self.seconds,
            prompt=request.prompt,
            served=self.served,
            rows=self.rows,
        )
        progress = new.progress
        progress.key_id, progress.origin, progress.calls = request.key_id, self.origin, self.calls
        progress.in_batch, progress.reserved, progress.accepted_at = request.in_batch, request.reserved, self.now
        return InitialResponse.of(new, request.params, now if at_once else None)
