"""Stream events of calls that are emitted once they are complete: patches, shells, computers, tool searches. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from understudy.engine.client_calls import render_call
from understudy.engine.views.response_stream import ResponseStream
from understudy.store.run_state import ClientTool
from understudy.wire.client_items import ApplyPatchCall, ClientCall, ShellCall, ToolSearchOutput
from understudy.wire.response_events import (
    ResponseStreamEvent,
    ShellCommandAdded,
    ShellCommandDelta,
    ShellCommandDone,
)


@dataclass(slots=True)
class UnrenderedCall:
    """A call whose arguments are incomplete."""

    tool: ClientTool
    item_id: str
    call_id: str
    arguments: str = ""

    def render(self) -> Any:
        return render_call(self.tool, self.item_id, self.call_id, self.arguments)


def initial_item(item: ClientCall | ToolSearchOutput) -> ClientCall | ToolSearchOutput:
    """The item as a stream opens it; the commands and the diff follow."""
    made: ClientCall | ToolSearchOutput = msgspec.structs.replace(item, status="in_progress")
    if isinstance(made, ShellCall):
        made.action = msgspec.structs.replace(made.action, commands=[])
    elif isinstance(made, ApplyPatchCall) and isinstance(made.operation.diff, str):
        made.operation = msgspec.structs.replace(made.operation, diff="")
    return made


def command_events(
    stream: ResponseStream, item: ClientCall | ToolSearchOutput, output_index: int
) -> Iterator[ResponseStreamEvent]:
    """The events of a shell call between its two of the item."""
    if not isinstance(item, ShellCall):
        return
    for number, command in enumerate(item.action.commands):
        place = {"command_index": number, "output_index": output_index}
        hidden = stream.obfuscation(command)
        yield stream.event(ShellCommandAdded, command="", **place)
        yield stream.event(ShellCommandDelta, delta=command, obfuscation=hidden, **place)
        yield stream.event(ShellCommandDone, command=command, **place)
