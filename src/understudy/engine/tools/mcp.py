"""Remote MCP servers in a run: which of their tools the model is offered, which calls need approval, and the calls.

The tools of a server are listed each time that a run is claimed. The headers for a server are secrets: they are in the
run's progress and in no object.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

import msgspec

from understudy import ids
from understudy.engine.run import events
from understudy.engine.run.cancellation import Interruption
from understudy.engine.run.checkpoint import RunWriter
from understudy.engine.run.turn import ToolCall
from understudy.engine.tools.base import CALL_LIMIT_ERROR, BuiltInTool, CallResult, OfferedFunction
from understudy.engine.tools.names import BuiltInFunction, client_function_names
from understudy.errors import UpstreamError
from understudy.store.run_state import ContextPart, NewItem, PendingCall
from understudy.tools.mcp import McpOutput, McpServerError, McpTool, RemoteServers
from understudy.wire.items import McpCallItem
from understudy.wire.runs import RunObject
from understudy.wire.tools import AssistantTool, AssistantToolsMcp, McpToolApproval, McpToolFilter

_MAX_NAME_LENGTH: Final = 64
_INVALID_NAME_CHARS: Final = re.compile("[^a-zA-Z0-9_-]")
_RESERVED_NAMES: Final = get_args(BuiltInFunction)
_NEWEST: Final = 1 << 61
APPROVAL_DENIED: Final = "The user did not approve of this call."


@dataclass(frozen=True, slots=True)
class RemoteFunction:
    """A tool of a server as a function of the model: `function` is its name there, `name` the server's own."""

    function: str
    server_label: str
    name: str
    needs_approval: bool
    description: str | None
    schema: Mapping[str, Any]
    is_deferred: bool = False

    def offer(self) -> OfferedFunction:
        function: dict[str, Any] = {"name": self.function, "parameters": dict(self.schema)}
        if self.description:
            function["description"] = self.description
        keys = frozenset({self.function, f"{self.server_label}/", f"{self.server_label}/{self.name}"})
        definition = {"type": "function", "function": function}
        return OfferedFunction(self.function, "mcp", definition, keys, self.is_deferred)


class McpTools(BuiltInTool):
    def __init__(self, writer: RunWriter, interruption: Interruption, servers: RemoteServers) -> None:
        self._writer = writer
        self._interruption = interruption
        self._servers = servers
        self._functions: Sequence[RemoteFunction] = ()

    async def prepare(self) -> None:
        """Lists the tools of the run's servers. Raises UpstreamError where a list is unavailable."""
        spec = self._writer.spec
        names = client_function_names(spec)
        names |= {name for own in _RESERVED_NAMES for name in (own, f"built_in_{own}")}
        functions: list[RemoteFunction] = []
        for tool in _mcp_tools(spec.tools):
            tools = await self._fetch_tools(tool)
            await self._publish_listing(tool.server_label, tools)
            for offered in tools:
                function = _function_name(tool.server_label, offered.name, names)
                names.add(function)
                is_deferred = tool.server_label in spec.deferred_servers
                functions.append(_offer_function(function, tool, offered, is_deferred=is_deferred))
        self._functions = functions

    def offer(self) -> Sequence[OfferedFunction]:
        return [function.offer() for function in self._functions]

    def list_deferred(self) -> list[dict[str, Any]]:
        """The declarations of the servers whose tools the model has to search for; each has a tool at least."""
        groups: dict[str, list[dict[str, Any]]] = {}
        for one in self._functions:
            if one.is_deferred:
                groups.setdefault(one.server_label, []).append({"name": one.name, "description": one.description})
        about = {tool.server_label: tool.server_description for tool in _mcp_tools(self._writer.spec.tools)}
        return [
            {"type": "mcp", "name": label, "description": about.get(label), "tools": tools}
            for label, tools in groups.items()
        ]

    def open(self, call: ToolCall) -> events.Event:
        function = next(one for one in self._functions if one.function == call.name)
        guarded = function.needs_approval
        call.item_id = ids.mcp_approval_request() if guarded else ids.mcp_call()
        return events.RemoteCallOpened(
            call.index, call.id, function.server_label, function.name, call.item_id, guarded=guarded
        )

    def open_approved(self, call: PendingCall) -> events.Event:
        """The event of a call that begins a response, since its client has decided about it."""
        return events.RemoteCallOpened(
            call.index,
            call.id,
            call.server_label,
            self._tool_name(call),
            call.item_id,
            approval_id=call.approval_id,
        )

    def request_approval(self, call: PendingCall) -> NewItem | None:
        function = self._find_function(call)
        if function is None or not function.needs_approval or call.approved is not None:
            return None
        item = {
            "id": call.item_id or ids.mcp_approval_request(),
            "type": "mcp_approval_request",
            "arguments": call.arguments,
            "name": function.name,
            "server_label": function.server_label,
            "call_id": call.id,
            "function": call.name,
        }
        return NewItem(item["id"], "mcp_approval_request", msgspec.json.encode(item).decode())

    async def execute(self, call: PendingCall) -> CallResult:
        function = self._find_function(call)
        if function is None:
            output = McpOutput(error="The server does not offer this tool any more.")
        elif call.approved is False:
            output = McpOutput(error=APPROVAL_DENIED)
        else:
            output = await self._call_server(function, call.arguments)
        return self._completed_call(call, output)

    def refuse(self, call: PendingCall) -> CallResult:
        return self._completed_call(call, McpOutput(error=CALL_LIMIT_ERROR))

    def _tool_name(self, call: PendingCall) -> str:
        """The server's own name of the tool."""
        function = self._find_function(call)
        return function.name if function is not None else call.name

    def _find_function(self, call: PendingCall) -> RemoteFunction | None:
        return next((one for one in self._functions if one.function == call.name), None)

    def _completed_call(self, call: PendingCall, output: McpOutput) -> CallResult:
        function = self._find_function(call)
        decided = None if call.approved is None else call.approval_id or call.id
        item = McpCallItem(
            id=call.item_id or ids.mcp_call(),
            call_id=call.id,
            server_label=function.server_label if function is not None else call.server_label,
            name=self._tool_name(call),
            arguments=call.arguments,
            output=output.text,
            error=output.error,
            fault=output.error_object,
            approval_request_id=decided,
            function=call.name,
        )
        done = events.RemoteCallDone(call.index, output.text, output.error, output.error_object)
        return CallResult([done], NewItem(item.id, "mcp_call", msgspec.json.encode(item).decode()))

    async def _publish_listing(self, label: str, tools: Sequence[McpTool]) -> None:
        """The tools of a server are listed once in a conversation."""
        writer, spec = self._writer, self._writer.spec
        if not spec.publishes_items:
            return
        parts = [*spec.context, ContextPart(spec.thread_id, _NEWEST)]
        if label in await writer.store.responses.mcp_labels(parts):
            return
        rendered = [
            {
                "annotations": {"read_only": one.read_only},
                "description": one.description,
                "input_schema": one.schema,
                "name": one.name,
            }
            for one in tools
        ]
        item_id = ids.mcp_list()
        item = {"id": item_id, "type": "mcp_list_tools", "server_label": label, "tools": rendered}
        listed = NewItem(item_id, "mcp_list_tools", msgspec.json.encode(item).decode())
        event = events.ToolsListed(listed.id, label, tuple(rendered))
        await writer.commit(event, calls=[listed], checkpoint=True)

    def _publish_failure(self, label: str, message: str) -> None:
        """Streams have the failed listing; the conversation does not store it."""
        if self._writer.spec.publishes_items:
            self._writer.publish(events.ToolsListed(ids.mcp_list(), label, (), message))

    async def _fetch_tools(self, tool: AssistantToolsMcp) -> list[McpTool]:
        try:
            server = self._servers.resolve_server(tool.server_url, self._writer.progress.headers.get(tool.server_label))
            with self._interruption.waiting():
                tools = await self._servers.list_tools(server)
        except McpServerError as failed:
            self._publish_failure(tool.server_label, str(failed))
            raise UpstreamError(
                "unreachable", f"Error retrieving tool list from MCP server: '{tool.server_label}'. {failed}"
            ) from None
        self._interruption.check()
        return [one for one in tools if _is_allowed(tool.allowed_tools, one)]

    async def _call_server(self, function: RemoteFunction, arguments: str) -> McpOutput:
        tool = next(one for one in _mcp_tools(self._writer.spec.tools) if one.server_label == function.server_label)
        try:
            values = msgspec.json.decode(arguments, type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError):
            return McpOutput(error="The arguments are not a JSON object.")
        try:
            server = self._servers.resolve_server(tool.server_url, self._writer.progress.headers.get(tool.server_label))
        except McpServerError as failed:
            return McpOutput(error=str(failed), kind="http_error", code=failed.status)
        with self._interruption.waiting():
            output = await self._servers.call_tool(server, function.name, values)
        self._interruption.check()
        return output


def without_headers(run: RunObject) -> tuple[RunObject, dict[str, dict[str, str]]]:
    """The run without secrets, and the headers of its tools by the servers' labels."""
    headers = {tool.server_label: tool.headers for tool in _mcp_tools(run.tools) if tool.headers}
    if not headers:
        return run, {}
    tools = [
        msgspec.structs.replace(tool, headers=None) if isinstance(tool, AssistantToolsMcp) else tool
        for tool in run.tools
    ]
    return msgspec.structs.replace(run, tools=tools), headers


def _mcp_tools(tools: Iterable[AssistantTool]) -> list[AssistantToolsMcp]:
    return [tool for tool in tools if isinstance(tool, AssistantToolsMcp)]


def _offer_function(function: str, tool: AssistantToolsMcp, offered: McpTool, *, is_deferred: bool) -> RemoteFunction:
    guarded = needs_approval(tool, offered)
    return RemoteFunction(
        function, tool.server_label, offered.name, guarded, offered.description, offered.schema, is_deferred
    )


def needs_approval(tool: AssistantToolsMcp, offered: McpTool) -> bool:
    """A tool without a rule needs it, and so does one with two rules that contradict each other."""
    rule = tool.require_approval
    if not isinstance(rule, McpToolApproval):
        return rule == "always"
    if rule.always is not None and _matches_filter(rule.always, offered):
        return True
    return rule.never is None or not _matches_filter(rule.never, offered)


def _is_allowed(allowed: list[str] | McpToolFilter | None, offered: McpTool) -> bool:
    if isinstance(allowed, list):
        return offered.name in allowed
    return allowed is None or _matches_filter(allowed, offered)


def _matches_filter(condition: McpToolFilter, offered: McpTool) -> bool:
    named = condition.tool_names is None or offered.name in condition.tool_names
    return named and condition.read_only in {None, offered.read_only}


def _function_name(label: str, name: str, names: Collection[str]) -> str:
    """The tool's own name where it is free and fits, and else one with the server's label or a number."""
    candidates = (_INVALID_NAME_CHARS.sub("_", one)[:_MAX_NAME_LENGTH] for one in (name, f"{label}_{name}"))
    for candidate in candidates:
        if candidate and candidate not in names:
            return candidate
    stem = _INVALID_NAME_CHARS.sub("_", f"{label}_{name}")[: _MAX_NAME_LENGTH - 5]
    return next(one for number in range(2, len(names) + 3) if (one := f"{stem}_{number}") not in names)
