"""The public objects of a run as its events change them: what checkpoints store, and the frames that streams show.

The engine sees them only through `Projection`; here each dialect has its own.
"""

from array import array
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import msgspec

from understudy.engine.run import events
from understudy.engine.run.log import Encoder
from understudy.engine.views.assistants import RunView
from understudy.engine.views.frames import Frames, ResponseEncoder, RunEncoder
from understudy.engine.views.recorded_run import RecordedRun
from understudy.engine.views.stream_outline import pack_outline
from understudy.store.run_state import Checkpoint, Plan, Progress
from understudy.wire.messages import MessageObject
from understudy.wire.responses import Billing, ResponseObject
from understudy.wire.runs import RunObject
from understudy.wire.steps import RunStepObject

_BILLING = b'"billing":%b,' % msgspec.json.encode(Billing())
# The member after it.
_COMPLETED_AT = b'"completed_at":'


class RunRecord:
    """The objects that the store has of a run, of either dialect."""

    def __init__(self, view: RunView) -> None:
        self._view = view
        self._status = ""
        self._stored: frozenset[str] = frozenset()
        """The ids of the steps and messages that the store has."""

    @property
    def run(self) -> RunObject:
        """The run as it is at this event; later events replace it."""
        return self._view.run

    def stored_run(self) -> RunObject:
        """The run as a transaction stores it that creates it; the next checkpoint has what changes afterwards."""
        self._mark_stored()
        return self._view.run

    def checkpoint(self, progress: Progress, *, with_run: bool, only_opens: bool = False) -> Checkpoint:  # noqa: ARG002
        """What has changed since the last checkpoint; the run itself where its status did, or `with_run`."""
        view, stored = self._view, self._stored
        steps, messages = [*view.closed_steps, *view.steps], [*view.closed_messages, *_open_messages(view)]
        changed_steps: list[RunStepObject] = []
        changed_messages: list[MessageObject] = []
        if stored:
            changed_steps = [step for step in steps if step.id in stored]
            changed_messages = [message for message in messages if message.id in stored]
            steps = [step for step in steps if step.id not in stored]
            messages = [message for message in messages if message.id not in stored]
        checkpoint = Checkpoint(
            run_id=view.run.id,
            run=view.run if with_run or view.run.status != self._status else None,
            progress=progress,
            new_steps=steps,
            changed_steps=changed_steps,
            new_messages=messages,
            changed_messages=changed_messages,
        )
        self._mark_stored()
        return checkpoint

    def set_outline(self, plan: Plan) -> None:
        """Only streams of responses have one."""

    def output_texts(self) -> Sequence[str]:
        """Only those of responses are read."""
        return ()

    def _mark_stored(self) -> None:
        view = self._view
        self._status = view.run.status
        self._stored = frozenset([step.id for step in view.steps])
        if view.message is not None:
            self._stored |= {view.message.id}
        view.clear_closed()


class RunProjection(RunRecord):
    """The objects of a run of the Assistants API."""

    def __init__(self) -> None:
        encoder = RunEncoder()
        super().__init__(encoder.view)
        self.encode: Callable[[events.Event], Frames] = encoder.encode
        """Applies an event; returns its frames for streams."""
        self.encode_texts: Callable[[Sequence[str]], bytes] = encoder.encode_texts
        """Applies deltas that continue the open text; returns their joined frames, or nothing; see `encode_texts`."""

    def load(self, history: Iterable[events.Event]) -> None:
        """Applies the events of a run that is stored; the next checkpoint has what changes afterwards."""
        for event in history:
            self.encode(event)
        self._mark_stored()


class EndedResponse(msgspec.Struct, frozen=True):
    """A response as the event has ended it."""

    event: events.RunEnded
    response: ResponseObject


class ResponseProjection(RunRecord):
    """The objects of a response; its thread's items are stored as those of any run."""

    ended: EndedResponse | None = None
    """What a checkpoint has stored, or was to store."""

    def __init__(self, included: frozenset[str] = frozenset()) -> None:
        super().__init__(recorded := RecordedRun())
        self._recorded = recorded
        self._response_encoder = ResponseEncoder(included)
        self._response_view = self._response_encoder.view
        self._response_view.outline = array("I")

    # Methods, not attributes that hold them: those would be a cycle of references, which only the collector frees.
    def encode(self, event: events.Event) -> Frames:
        """Applies an event; returns its frames for streams."""
        if type(event) is not events.TextDelta or not self._recorded.extend_text(event.text):
            self._recorded.record(event)
        return self._response_encoder.encode(event)

    def encode_texts(self, texts: Sequence[str]) -> bytes:
        """Applies deltas that continue the open text; returns their joined frames, or nothing; see `encode_texts`."""
        frames = self._response_encoder.encode_texts(texts)
        if frames and not self._recorded.extend_text(*texts):
            self._recorded.record(events.TextDelta(texts[0]))
            self._recorded.extend_text(*texts[1:])
        return frames

    def load(self, history: Iterable[events.Event]) -> None:
        """Applies the events of a response that is stored; the next checkpoint has what changes afterwards."""
        is_loaded = False
        for event in history:
            # What is replayed of a stored response has no run.
            is_loaded = is_loaded or isinstance(event, events.RunQueued | events.RunRestored)
            if is_loaded:
                self._recorded.record(event)
            self._response_encoder.encode(event)
        self._mark_stored()

    def stored_response(self, progress: Progress) -> tuple[ResponseObject, str]:
        """The response with the items that are complete, and its JSON; records in `progress` how far its stream is."""
        self._record_sequence(progress)
        view = self._response_view
        response = view.settled()
        encoded = self._response_encoder.encode_response(response)
        if view.end_event is None:
            return response, encoded.decode()
        # The payer is in the stored response, and not in streams. Nothing of a client's comes before it.
        response = msgspec.structs.replace(response, billing=Billing())
        self.ended = EndedResponse(view.end_event, response)
        return response, encoded.replace(_COMPLETED_AT, _BILLING + _COMPLETED_AT, 1).decode()

    def set_outline(self, plan: Plan) -> None:
        view = self._response_view
        plan.outlined = len(view.settled().output)
        plan.outline = b"" if view.outline is None else pack_outline(view.outline)

    def output_texts(self) -> Sequence[str]:
        """The texts of the output so far, those of its open items as well."""
        return self._response_view.output_texts()

    def checkpoint(self, progress: Progress, *, with_run: bool, only_opens: bool = False) -> Checkpoint:
        changes = super().checkpoint(progress, with_run=with_run)
        if only_opens:
            self._record_sequence(progress)
            return changes
        response, body = self.stored_response(progress)
        # No client reads the steps of a response; its next owner needs those that are open.
        steps = [step for step in changes.new_steps if step.status == "in_progress"]
        return msgspec.structs.replace(changes, new_steps=steps, response=response, response_body=body)

    def _record_sequence(self, progress: Progress) -> None:
        if progress.plan is not None:
            progress.plan.sequence = self._response_view.sequence


def _open_messages(view: RunView) -> list[MessageObject]:
    return [] if view.message is None else [view.message]


def new_encoder(progress: Progress) -> Callable[[], Encoder]:
    """What makes the encoders of the run's log."""
    return RunEncoder if progress.plan is None else partial(ResponseEncoder, frozenset(progress.plan.included))


def new_projection(progress: Progress) -> RunProjection | ResponseProjection:
    """The projection of a run with this progress."""
    return RunProjection() if progress.plan is None else ResponseProjection(frozenset(progress.plan.included))
