"""Stream events of calls that are emitted once they are complete: patches, shells, computers, tool searches. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from understudy.engine.client_calls import render_call
from understudy.store.run_state import ClientTool
from understudy.wire.client_items import ApplyPatchCall, ClientCall, ShellCall

_encode_json = msgspec.json.encode


@dataclass(slots=True)
class UnrenderedCall:
    """A call whose arguments are still coming."""

    tool: ClientTool
    item_id: str
    call_id: str
    arguments: str = ""

    def render(self) -> Any:
        return render_call(self.tool, self.item_id, self.call_id, self.arguments)


def initial_item(item: ClientCall) -> ClientCall:
    """The item as a stream shows it at first: the commands and the diff come afterwards."""
    made: ClientCall = msgspec.structs.replace(item, status="in_progress")
    if isinstance(made, ShellCall):
        made.action = msgspec.structs.replace(made.action, commands=[])
    elif isinstance(made, ApplyPatchCall) and isinstance(made.operation.diff, str):
        made.operation = msgspec.structs.replace(made.operation, diff="")
    return made


def command_events(item: ClientCall, output_index: int) -> Iterator[tuple[str, bytes, str | None]]:
    """The events of a shell call between its two of the item, as name, JSON members, delta."""
    if not isinstance(item, ShellCall):
        return
    for number, command in enumerate(item.action.commands):
        place = b'"command_index":%d,"output_index":%d' % (number, output_index)
        text = _encode_json(command)
        yield "shell_call_command.added", b'"command":"",%b' % place, None
        yield "shell_call_command.delta", b'"delta":%b,%b' % (text, place), command
        yield "shell_call_command.done", b'"command":%b,%b' % (text, place), None
