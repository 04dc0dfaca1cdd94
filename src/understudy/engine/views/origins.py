"""The public objects that the views of a run start from. Plain data, carried by its first events."""

from typing import Any, Final

import msgspec
from msgspec import Struct

from understudy.engine.run import events
from understudy.store.run_state import ClientTool
from understudy.wire.client_items import ClientCall, ToolSearchOutput
from understudy.wire.messages import MessageObject
from understudy.wire.responses import ResponseObject
from understudy.wire.runs import RunObject
from understudy.wire.steps import RunStepObject
from understudy.wire.threads import ThreadObject


class Origin(Struct, frozen=True, gc=False):
    """A run that was just created, with `thread` if the same request created it.

    `detailed`: streams show the text of search results. `response` if the run makes a response; its stream is
    `obfuscated` if deltas are to hide their length.
    """

    run: RunObject
    thread: ThreadObject | None = None
    detailed: bool = False
    response: ResponseObject | None = None
    obfuscated: bool = False


class OpenCall(Struct, frozen=True, gc=False):
    """A call without a result; `server_label` is that of a remote server."""

    index: int
    item_id: str
    call_id: str
    kind: str
    name: str
    arguments: str
    server_label: str = ""
    approval_id: str | None = None
    tool: ClientTool | None = None


class FinishedStep(Struct, frozen=True, gc=False):
    """A step that has ended, with the message that it made."""

    step: RunStepObject
    message: MessageObject | None = None


class RestoredOrigin(Struct, frozen=True, gc=False):
    """A run as it is stored, with its open steps and, as far as they are known, those that have ended before.

    `calls`, `container_id` and `sequence` (the number of the next stream event) are a response's. `at`: the time.
    """

    run: RunObject
    steps: tuple[RunStepObject, ...] = ()
    finished: tuple[FinishedStep, ...] = ()
    detailed: bool = False
    response: ResponseObject | None = None
    calls: tuple[OpenCall, ...] = ()
    container_id: str = ""
    sequence: int = 0
    at: int = 0


_TYPES: Final[dict[type[events.Event], Any]] = {
    events.RunQueued: Origin,
    events.RunRestored: RestoredOrigin,
    events.ResponseReplayed: ResponseObject,
    events.CallRendered: ClientCall | ToolSearchOutput,
}


def decode_origin(kind: type[events.Event], value: Any) -> Any:
    """The objects in an event of this kind, from the maps and lists to which another process's event was decoded.

    Raises msgspec.ValidationError.
    """
    return msgspec.convert(value, _TYPES[kind])
