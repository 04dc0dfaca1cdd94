"""What a decoded request for a response must not ask for: members and tools that nothing here can serve. Pure.

A request is refused where the hosted service would act on something and this server would not; nothing that changes an
answer is taken and ignored.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from msgspec import Struct

from understudy.wire import error_texts
from understudy.wire.error_texts import Problem
from understudy.wire.parsing import InvalidBody
from understudy.wire.response_tools import (
    AutoContainer,
    CodeInterpreterTool,
    ContainerAuto,
    ContainerReference,
    FunctionTool,
    HostedTool,
    McpTool,
    NamespaceTool,
    NetworkAllowlist,
    ResponseTool,
    ShellTool,
    type_of,
)
from understudy.wire.responses import CreateResponseRequest
from understudy.wire.strict import check_strict_schema

_HOSTED_MEMBERS: Final = {
    "access_programs": "Access programs are the vendor's.",
    "multi_agent": "This server runs no agents of its own; clients may run several with tools.",
}
# Those of namespaces included.
_MAX_TOOLS: Final = 512
_HOSTED_KINDS: Final = ("web_search", "image_generation")
_TUNNEL_TEXT: Final = "Connectors and tunnels run on the vendor's servers only; give the 'server_url' of an MCP server"


def check_members(params: CreateResponseRequest) -> None:
    """Raises InvalidBody for the first member that asks for what only the hosted service does."""
    for name, reason in _HOSTED_MEMBERS.items():
        if getattr(params, name) is not None:
            raise InvalidBody(Problem(f"Unsupported parameter: '{name}'. {reason}", name, "unsupported_parameter"))
    options, image = params.background_options, params.image
    if options is not None and options.completion_window not in {None, "soonest"}:
        raise _unsupported(
            "background_options.completion_window", "this server starts responses at once; use 'soonest'"
        )
    if options is not None and options.continuation_id is not None:
        raise _unsupported("background_options.continuation_id", "this server cannot continue a response")
    if image is not None and image.context_compression == "enabled":
        raise _unsupported(
            "image.context_compression", "this server does not compress images; use 'auto' or 'disabled'"
        )


def check_tools(tools: Sequence[ResponseTool], path: str = "tools") -> None:
    """Raises InvalidBody for the first tool with a setting that this server does not support.

    Whether tools of the hosted service may be listed at all is a setting, see `hosted_tools`.
    """
    count = sum(len(tool.tools) if isinstance(tool, NamespaceTool) else 1 for tool in tools)
    if count > _MAX_TOOLS:
        raise InvalidBody(error_texts.too_long(path, "array", _MAX_TOOLS, count))
    check_strict_tools(tools, path)
    for here, tool in _walk_tools(tools, path):
        _check_callers(tool, here)
        match tool:
            case McpTool():
                _check_mcp(tool, here)
            case ShellTool(environment=ContainerAuto() | ContainerReference()):
                raise _unsupported(
                    f"{here}.environment",
                    "this server has no containers for the tool 'shell'; use an environment of type 'local', or the"
                    " tool 'code_interpreter'",
                )
            case CodeInterpreterTool(container=AutoContainer(network_policy=NetworkAllowlist())):
                raise _unsupported(
                    f"{here}.container.network_policy", "containers have no network; use the type 'disabled'"
                )
            case _:
                pass


def check_strict_tools(tools: Sequence[ResponseTool], path: str = "tools") -> None:
    """Raises InvalidBody for the first strict function whose schema is not strict."""
    for here, tool in _walk_tools(tools, path):
        if isinstance(tool, FunctionTool) and tool.strict:
            check_strict_schema(tool.name, tool.parameters, f"{here}.parameters")


def hosted_tools(tools: Sequence[ResponseTool], served: Collection[str], path: str = "tools") -> list[tuple[str, str]]:
    """The tools of the hosted service that are not `served` here: where each is, and its type."""
    return [
        (f"{path}[{index}].type", type_of(tool))
        for index, tool in enumerate(tools)
        if isinstance(tool, HostedTool) and hosted_kind(type_of(tool)) not in served
    ]


def hosted_kind(kind: str) -> str | None:
    """`web_search` or `image_generation`, for every type of these tools; None for any other one."""
    return next((name for name in _HOSTED_KINDS if kind == name or kind.startswith(f"{name}_")), None)


def check_input(given: str | Sequence[Any] | None, *, alone: bool) -> None:
    """Raises InvalidBody for an empty list; `alone` where nothing goes before it."""
    if given == [] and alone:
        raise InvalidBody(error_texts.empty("input", "array", 1))


def _walk_tools(tools: Sequence[ResponseTool], path: str) -> Iterator[tuple[str, Struct]]:
    """All tools with their places, those of namespaces included."""
    for index, tool in enumerate(tools):
        here = f"{path}[{index}]"
        yield here, tool
        if isinstance(tool, NamespaceTool):
            yield from ((f"{here}.tools[{inner}]", one) for inner, one in enumerate(tool.tools))


def _check_callers(tool: Struct, here: str) -> None:
    callers = getattr(tool, "allowed_callers", None)
    if callers and "direct" not in callers:
        raise _unsupported(
            f"{here}.allowed_callers", "programmatic tool calling is unsupported, so 'direct' is required"
        )


def _check_mcp(tool: McpTool, here: str) -> None:
    for name in ("connector_id", "tunnel_id"):
        if getattr(tool, name) is not None:
            raise _unsupported(f"{here}.{name}", _TUNNEL_TEXT)
    if not tool.server_url:
        raise InvalidBody(error_texts.missing(f"{here}.server_url"))


def _unsupported(path: str, reason: str) -> InvalidBody:
    return InvalidBody(Problem(f"Unsupported '{path}': {reason[:1].lower()}{reason[1:]}.", path, "unsupported_value"))
