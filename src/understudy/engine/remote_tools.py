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
from understudy.engine import events
from understudy.engine.interruption import Interruption
from understudy.engine.stage import Stage
from understudy.errors import UpstreamError
from understudy.store.run_state import Call, ContextPart, PendingCall
from understudy.tools.mcp import McpFailed, McpOutput, McpTool, RemoteServers
from understudy.wire.items import McpCallItem
from understudy.wire.runs import RunObject
from understudy.wire.tools import AssistantToolsFunction, AssistantToolsMcp, McpToolApproval, McpToolFilter

_LONGEST_NAME: Final = 64
_UNFIT: Final = re.compile("[^a-zA-Z0-9_-]")
_OWN_NAMES: Final = ("file_search", "code_interpreter")
_NEWEST: Final = 1 << 61
_NO_MORE_CALLS: Final = "Not called: the client allows no more tool calls."
DENIED: Final = "The user did not approve of this call."


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


class RemoteTools:
    def __init__(self, stage: Stage, interruption: Interruption, servers: RemoteServers) -> None:
        self._stage = stage
        self._interruption = interruption
        self._servers = servers
        self.functions: Sequence[RemoteFunction] = ()

    async def gather(self) -> None:
        """Asks the run's servers for their tools. Raises UpstreamError where one does not tell."""
        run = self._stage.view.run
        taken = {tool.function.name for tool in run.tools if isinstance(tool, AssistantToolsFunction)}
        taken |= {name for own in _OWN_NAMES for name in (own, f"built_in_{own}")}
        functions: list[RemoteFunction] = []
        for tool in _mcp_tools(run):
            found = await self._offered(tool)
            await self._tell(tool.server_label, found)
            for offered in found:
                function = _function_name(tool.server_label, offered.name, taken)
                taken.add(function)
                functions.append(_offer(function, tool, offered))
        self.functions = functions

    def unapproved(self, calls: Sequence[PendingCall]) -> list[PendingCall]:
        """The calls that nobody has decided about, and that are not to be made without."""
        guarded = {one.function for one in self.functions if one.needs_approval}
        return [call for call in calls if call.kind == "mcp" and call.approved is None and call.name in guarded]

    def name_of(self, call: PendingCall) -> str:
        """The server's own name of the tool."""
        function = self._function(call)
        return function.name if function is not None else call.name

    def approval_request(self, call: PendingCall) -> Call:
        """What a client has to decide about before the call is made."""
        function = self._function(call)
        item = {
            "id": call.item_id or ids.mcp_approval_request(),
            "type": "mcp_approval_request",
            "arguments": call.arguments,
            "name": self.name_of(call),
            "server_label": function.server_label if function is not None else "",
            "call_id": call.id,
            "function": call.name,
        }
        return Call(item["id"], "mcp_approval_request", msgspec.json.encode(item).decode())

    def refuse(self, call: PendingCall) -> tuple[list[events.Event], Call]:
        """Nothing is called."""
        return self._answered(call, McpOutput(error=_NO_MORE_CALLS))

    async def answer(self, call: PendingCall) -> tuple[list[events.Event], Call]:
        function = self._function(call)
        if function is None:
            output = McpOutput(error="The server does not offer this tool any more.")
        elif call.approved is False:
            output = McpOutput(error=DENIED)
        else:
            output = await self._call(function, call.arguments)
        return self._answered(call, output)

    def _function(self, call: PendingCall) -> RemoteFunction | None:
        return next((one for one in self.functions if one.function == call.name), None)

    def _answered(self, call: PendingCall, output: McpOutput) -> tuple[list[events.Event], Call]:
        function = self._function(call)
        decided = None if call.approved is None else call.approval_id or call.id
        item = McpCallItem(
            id=call.item_id or ids.mcp_call(),
            call_id=call.id,
            server_label=function.server_label if function is not None else call.server_label,
            name=self.name_of(call),
            arguments=call.arguments,
            output=output.text,
            error=output.error,
            fault=output.fault,
            approval_request_id=decided,
            function=call.name,
        )
        done = events.RemoteDone(call.index, output.text, output.error, output.fault)
        return [done], Call(item.id, "mcp_call", msgspec.json.encode(item).decode())

    async def _tell(self, label: str, found: Sequence[McpTool]) -> None:
        """A response says once in a conversation what a server offers."""
        stage, plan = self._stage, self._stage.progress.plan
        if stage.answer is None or plan is None:
            return
        parts = [*plan.context, ContextPart(stage.view.run.thread_id, _NEWEST)]
        if label in await stage.store.responses.listed_servers(parts):
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
        listed = Call(item_id, "mcp_list_tools", msgspec.json.encode(item).decode())
        event = events.ToolsListed(listed.id, label, tuple(tools))
        await stage.commit(event, calls=[listed], checkpoint=True)

    def _publish_failure(self, label: str, message: str) -> None:
        """A response has the failed listing; the conversation does not store it."""
        if self._stage.answer is not None:
            self._stage.publish(events.ToolsListed(ids.mcp_list(), label, (), message))

    async def _offered(self, tool: AssistantToolsMcp) -> list[McpTool]:
        try:
            server = self._servers.server(tool.server_url, self._stage.progress.headers.get(tool.server_label))
            with self._interruption.waiting():
                found = await self._servers.list_tools(server)
        except McpFailed as failed:
            self._publish_failure(tool.server_label, str(failed))
            raise UpstreamError(
                "unreachable", f"Error retrieving tool list from MCP server: '{tool.server_label}'. {failed}"
            ) from None
        self._interruption.check()
        return [one for one in found if _is_allowed(tool.allowed_tools, one)]

    async def _call(self, function: RemoteFunction, arguments: str) -> McpOutput:
        tool = next(one for one in _mcp_tools(self._stage.view.run) if one.server_label == function.server_label)
        try:
            given = msgspec.json.decode(arguments, type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError):
            return McpOutput(error="The arguments are not a JSON object.")
        try:
            server = self._servers.server(tool.server_url, self._stage.progress.headers.get(tool.server_label))
        except McpFailed as failed:
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


def _offer(function: str, tool: AssistantToolsMcp, offered: McpTool) -> RemoteFunction:
    guarded = needs_approval(tool, offered)
    return RemoteFunction(function, tool.server_label, offered.name, guarded, offered.description, offered.schema)


def needs_approval(tool: AssistantToolsMcp, offered: McpTool) -> bool:
    """What no rule speaks of needs it, and so does what two rules disagree about."""
    rule = tool.require_approval
    if not isinstance(rule, McpToolApproval):
        return rule == "always"
    if rule.always is not None and _covers(rule.always, offered):
        return True
    return rule.never is None or not _covers(rule.never, offered)


def _is_allowed(allowed: list[str] | McpToolFilter | None, offered: McpTool) -> bool:
    if isinstance(allowed, list):
        return offered.name in allowed
    return allowed is None or _covers(allowed, offered)


def _covers(condition: McpToolFilter, offered: McpTool) -> bool:
    named = condition.tool_names is None or offered.name in condition.tool_names
    return named and condition.read_only in {None, offered.read_only}


def _function_name(label: str, name: str, taken: Collection[str]) -> str:
    """The tool's own name where it is free and fits, and else one with the server's label or a number."""
    candidates = (_UNFIT.sub("_", one)[:_LONGEST_NAME] for one in (name, f"{label}_{name}"))
    for candidate in candidates:
        if candidate and candidate not in taken:
            return candidate
    stem = _UNFIT.sub("_", f"{label}_{name}")[: _LONGEST_NAME - 5]
    return next(one for number in range(2, len(taken) + 3) if (one := f"{stem}_{number}") not in taken)
