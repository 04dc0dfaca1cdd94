"""Remote MCP servers in a run: which of their tools the model is offered, which calls need approval, and the calls.

A server is asked for its tools each time that a run is taken up. What it must be told in confidence, its headers, is
in the run's progress and in no object.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from understudy import ids
from understudy.engine.run import events
from understudy.engine.run.cancellation import Interruption
from understudy.engine.run.checkpoint import RunWriter
from understudy.errors import UpstreamError
from understudy.store.run_state import ContextPart, NewItem, PendingCall
from understudy.tools.mcp import McpOutput, McpServerError, McpTool, RemoteServers
from understudy.wire.items import McpCallItem
from understudy.wire.runs import RunObject
from understudy.wire.tools import AssistantToolsFunction, AssistantToolsMcp, McpToolApproval, McpToolFilter

_MAX_NAME_LENGTH: Final = 64
_INVALID_NAME_CHARS: Final = re.compile("[^a-zA-Z0-9_-]")
_RESERVED_NAMES: Final = ("file_search", "code_interpreter")
_NEWEST: Final = 1 << 61
_CALL_LIMIT_ERROR: Final = "Not called: the client allows no more tool calls."
APPROVAL_DENIED: Final = "The user did not approve of this call."


@dataclass(frozen=True, slots=True)
class RemoteFunction:
    """A tool of a server as the model is offered it: `function` is its name there, `name` the server's own."""

    function: str
    server_label: str
    name: str
    needs_approval: bool
    description: str | None
    schema: Mapping[str, Any]

    def definition(self) -> dict[str, Any]:
        function: dict[str, Any] = {"name": self.function, "parameters": dict(self.schema)}
        if self.description:
            function["description"] = self.description
        return {"type": "function", "function": function}


class McpTools:
    def __init__(self, stage: RunWriter, interruption: Interruption, servers: RemoteServers) -> None:
        self._stage = stage
        self._interruption = interruption
        self._servers = servers
        self.functions: Sequence[RemoteFunction] = ()

    async def load_tools(self) -> None:
        """Asks the run's servers for their tools. Raises UpstreamError where one does not tell."""
        run = self._stage.state.spec
        taken = {tool.function.name for tool in run.tools if isinstance(tool, AssistantToolsFunction)}
        taken |= {name for own in _RESERVED_NAMES for name in (own, f"built_in_{own}")}
        functions: list[RemoteFunction] = []
        for tool in _mcp_tools(run):
            found = await self._fetch_tools(tool)
            await self._publish_listing(tool.server_label, found)
            for offered in found:
                function = _function_name(tool.server_label, offered.name, taken)
                taken.add(function)
                functions.append(_offer_function(function, tool, offered))
        self.functions = functions

    def unapproved(self, calls: Sequence[PendingCall]) -> list[PendingCall]:
        """The calls that nobody has decided about, and that are not to be made without."""
        guarded = {one.function for one in self.functions if one.needs_approval}
        return [call for call in calls if call.kind == "mcp" and call.approved is None and call.name in guarded]

    def name_of(self, call: PendingCall) -> str:
        """The server's own name of the tool."""
        function = self._find_function(call)
        return function.name if function is not None else call.name

    def approval_request(self, call: PendingCall) -> NewItem:
        """What a client has to decide about before the call is made."""
        function = self._find_function(call)
        item = {
            "id": call.item_id or ids.mcp_approval_request(),
            "type": "mcp_approval_request",
            "arguments": call.arguments,
            "name": self.name_of(call),
            "server_label": function.server_label if function is not None else "",
            "call_id": call.id,
            "function": call.name,
        }
        return NewItem(item["id"], "mcp_approval_request", msgspec.json.encode(item).decode())

    def refuse(self, call: PendingCall) -> tuple[list[events.Event], NewItem]:
        """Nothing is called."""
        return self._completed_call(call, McpOutput(error=_CALL_LIMIT_ERROR))

    async def execute(self, call: PendingCall) -> tuple[list[events.Event], NewItem]:
        function = self._find_function(call)
        if function is None:
            output = McpOutput(error="The server does not offer this tool any more.")
        elif call.approved is False:
            output = McpOutput(error=APPROVAL_DENIED)
        else:
            output = await self._call_server(function, call.arguments)
        return self._completed_call(call, output)

    def _find_function(self, call: PendingCall) -> RemoteFunction | None:
        return next((one for one in self.functions if one.function == call.name), None)

    def _completed_call(self, call: PendingCall, output: McpOutput) -> tuple[list[events.Event], NewItem]:
        function = self._find_function(call)
        decided = None if call.approved is None else call.approval_id or call.id
        item = McpCallItem(
            id=call.item_id or ids.mcp_call(),
            call_id=call.id,
            server_label=function.server_label if function is not None else call.server_label,
            name=self.name_of(call),
            arguments=call.arguments,
            output=output.text,
            error=output.error,
            fault=output.error_object,
            approval_request_id=decided,
            function=call.name,
        )
        done = events.RemoteCallDone(call.index, output.text, output.error, output.error_object)
        return [done], NewItem(item.id, "mcp_call", msgspec.json.encode(item).decode())

    async def _publish_listing(self, label: str, found: Sequence[McpTool]) -> None:
        """A response says once in a conversation what a server offers."""
        stage, plan = self._stage, self._stage.progress.plan
        if not stage.state.is_turn_based or plan is None:
            return
        parts = [*plan.context, ContextPart(stage.state.spec.thread_id, _NEWEST)]
        if label in await stage.store.responses.mcp_labels(parts):
            return
        tools = [
            {
                "annotations": {"read_only": one.read_only},
                "description": one.description,
                "input_schema": one.schema,
                "name": one.name,
            }
            for one in found
        ]
        item_id = ids.mcp_list()
        item = {"id": item_id, "type": "mcp_list_tools", "server_label": label, "tools": tools}
        listed = NewItem(item_id, "mcp_list_tools", msgspec.json.encode(item).decode())
        event = events.ToolsListed(listed.id, label, tuple(tools))
        await stage.commit(event, calls=[listed], checkpoint=True)

    def _publish_failure(self, label: str, message: str) -> None:
        """A response has the failed listing; the conversation does not store it."""
        if self._stage.state.is_turn_based:
            self._stage.publish(events.ToolsListed(ids.mcp_list(), label, (), message))

    async def _fetch_tools(self, tool: AssistantToolsMcp) -> list[McpTool]:
        try:
            server = self._servers.resolve_server(tool.server_url, self._stage.progress.headers.get(tool.server_label))
            with self._interruption.waiting():
                found = await self._servers.list_tools(server)
        except McpServerError as failed:
            self._publish_failure(tool.server_label, str(failed))
            raise UpstreamError(
                "unreachable", f"Error retrieving tool list from MCP server: '{tool.server_label}'. {failed}"
            ) from None
        self._interruption.check()
        return [one for one in found if _is_allowed(tool.allowed_tools, one)]

    async def _call_server(self, function: RemoteFunction, arguments: str) -> McpOutput:
        tool = next(one for one in _mcp_tools(self._stage.state.spec) if one.server_label == function.server_label)
        try:
            given = msgspec.json.decode(arguments, type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError):
            return McpOutput(error="The arguments are not a JSON object.")
        try:
            server = self._servers.resolve_server(tool.server_url, self._stage.progress.headers.get(tool.server_label))
        except McpServerError as failed:
            return McpOutput(error=str(failed), kind="http_error", code=failed.status)
        with self._interruption.waiting():
            output = await self._servers.call_tool(server, function.name, given)
        self._interruption.check()
        return output


def without_headers(run: RunObject) -> tuple[RunObject, dict[str, dict[str, str]]]:
    """The run as it may be shown, and the headers of its tools by the servers' labels."""
    headers = {tool.server_label: tool.headers for tool in _mcp_tools(run) if tool.headers}
    if not headers:
        return run, {}
    tools = [
        msgspec.structs.replace(tool, headers=None) if isinstance(tool, AssistantToolsMcp) else tool
        for tool in run.tools
    ]
    return msgspec.structs.replace(run, tools=tools), headers


def _mcp_tools(run: RunObject) -> list[AssistantToolsMcp]:
    return [tool for tool in run.tools if isinstance(tool, AssistantToolsMcp)]


def _offer_function(function: str, tool: AssistantToolsMcp, offered: McpTool) -> RemoteFunction:
    guarded = needs_approval(tool, offered)
    return RemoteFunction(function, tool.server_label, offered.name, guarded, offered.description, offered.schema)


def needs_approval(tool: AssistantToolsMcp, offered: McpTool) -> bool:
    """What no rule speaks of needs it, and so does what two rules disagree about."""
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


def _function_name(label: str, name: str, taken: Collection[str]) -> str:
    """The tool's own name where it is free and fits, and else one with the server's label or a number."""
    candidates = (_INVALID_NAME_CHARS.sub("_", one)[:_MAX_NAME_LENGTH] for one in (name, f"{label}_{name}"))
    for candidate in candidates:
        if candidate and candidate not in taken:
            return candidate
    stem = _INVALID_NAME_CHARS.sub("_", f"{label}_{name}")[: _MAX_NAME_LENGTH - 5]
    return next(one for number in range(2, len(taken) + 3) if (one := f"{stem}_{number}") not in taken)
