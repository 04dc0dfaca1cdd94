"""The search for deferred tools in a run: the model loads declarations of the request, and calls them afterwards."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from understudy import ids
from understudy.engine.run import events
from understudy.engine.run.checkpoint import RunWriter
from understudy.engine.run.spec import RunSpec
from understudy.engine.run.turn import ToolCall
from understudy.engine.tools.base import BuiltInTool, CallResult, OfferedFunction
from understudy.engine.tools.names import function_name
from understudy.store.run_state import NewItem, PendingCall
from understudy.tools import tool_search
from understudy.wire.client_items import ToolSearchCall, ToolSearchOutput
from understudy.wire.response_items import encode_items
from understudy.wire.response_tools import ToolList

KEY = "tool_search"


class ToolSearch(BuiltInTool):
    def __init__(self, writer: RunWriter, list_remote: Callable[[], Sequence[Mapping[str, Any]]]) -> None:
        """`list_remote` returns the declarations of deferred remote servers, once they are listed."""
        self._writer = writer
        self._list_remote = list_remote

    async def prepare(self) -> None:
        """A search needs nothing."""

    def offer(self) -> Sequence[OfferedFunction]:
        return offer_tool_search(self._writer.spec, self._list_remote())

    def open(self, call: ToolCall) -> events.Event:
        call.item_id = ids.client_call("tool_search")
        call.has_streamed_arguments = False
        return events.ToolSearchOpened(call.index, call.id, call.item_id)

    async def execute(self, call: PendingCall) -> CallResult:
        paths = tool_search.parse_paths(call.arguments)
        # The words of hundreds of tools take a moment.
        deferred = [*self._writer.spec.deferred, *self._list_remote()]
        found = await asyncio.to_thread(tool_search.find_tools, deferred, paths)
        return self._completed_call(call, paths, found)

    def refuse(self, call: PendingCall) -> CallResult:
        return self._completed_call(call, tool_search.parse_paths(call.arguments), [])

    def _completed_call(self, call: PendingCall, paths: list[str], found: list[dict[str, object]]) -> CallResult:
        """Both items have no `call_id`, which the hosted API reserves for searches of clients."""
        searched = ToolSearchCall(id=call.item_id, arguments={"paths": paths})
        loaded = msgspec.convert({"tools": [tool_search.render_found(one) for one in found]}, ToolList).tools
        output = ToolSearchOutput(id=ids.tool_search_output(), tools=loaded)
        done = [
            events.CallRendered(searched),
            events.CallRendered(output),
            events.ToolSearchDone(call.index),
        ]
        return CallResult(done, _to_item(searched, call), [_to_item(output, call)])


def _to_item(item: ToolSearchCall | ToolSearchOutput, call: PendingCall) -> NewItem:
    """The item with the model's id of its call, by which a later prompt pairs both."""
    members = {**msgspec.json.decode(encode_items(item)), "model_call_id": call.id, "function": call.name}
    return NewItem(item.id or "", members["type"], msgspec.json.encode(members).decode())


def offer_tool_search(spec: RunSpec, remote: Sequence[Mapping[str, Any]] = ()) -> list[OfferedFunction]:
    """The function of the search; none where the run has no deferred tools. `remote` are those of remote servers."""
    deferred = [*spec.deferred, *remote]
    if not deferred:
        return []
    name = function_name("tool_search", spec)
    definition = tool_search.definition(name, deferred)
    return [OfferedFunction(name, "tool_search", definition, frozenset({name, KEY}))]
