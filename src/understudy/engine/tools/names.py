"""The names of built-in tools as functions, beside a client's own functions of the same name."""

from typing import Literal

from understudy.engine.run.spec import RunSpec
from understudy.wire.tools import AssistantToolsFunction

BuiltInFunction = Literal[
    "file_search",
    "code_interpreter",
    "web_search",
    "open_page",
    "find_in_page",
    "image_generation",
    "tool_search",
]


def client_function_names(spec: RunSpec) -> set[str]:
    """The names of the functions that the client runs."""
    return {tool.function.name for tool in spec.tools if isinstance(tool, AssistantToolsFunction)}


def function_name(kind: BuiltInFunction, spec: RunSpec) -> str:
    """The name that a function of a built-in tool is offered under; a client's function of that name comes first."""
    return f"built_in_{kind}" if kind in client_function_names(spec) else kind
